//! The network that a client is counted with. This module knows nothing about requests.

use std::net::{IpAddr, Ipv6Addr};

/// The network whose share an address uses. For IPv6 that is the /64, the smallest network that a customer gets, within which addresses cost nothing.
pub(crate) fn share(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        whole => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_share() {
        let same = |one: &str, other: &str| share(one.parse().unwrap()) == share(other.parse().unwrap());
        assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2") && !same("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}

//! Which addresses may be connected to: public ones, and networks that the operator names.
//!
//! It checks only IP addresses, and never resolves names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// The rules. Public addresses are always allowed, and other addresses only in these networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressRules {
    pub allowed: Vec<IpNet>,
}

impl AddressRules {
    pub fn is_allowed(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.names(IpAddr::V4(address)) || is_public_v4(address),
            IpAddr::V6(v6) => match carried(v6) {
                // The packet goes to the embedded address, so that one is checked.
                Carried::Mapped(inner) => self.is_allowed(IpAddr::V4(inner)),
                Carried::Translated(inner) => self.names(address) || self.is_allowed(IpAddr::V4(inner)),
                Carried::Nothing => self.names(address) || is_public_v6(v6),
            },
        }
    }

    fn names(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(&address))
    }
}

/// An IPv4 address that is embedded in an IPv6 address.
enum Carried {
    /// `::ffff:a.b.c.d`: equivalent to the embedded address.
    Mapped(Ipv4Addr),
    /// NAT64 (`64:ff9b::/96`) or 6to4 (`2002::/16`): a gateway forwards the packet to the embedded address.
    Translated(Ipv4Addr),
    Nothing,
}

fn carried(address: Ipv6Addr) -> Carried {
    let bits = address.to_bits();
    if let Some(inner) = address.to_ipv4_mapped() {
        return Carried::Mapped(inner);
    }
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Carried::Translated(Ipv4Addr::from_bits(bits as u32)),
        [0x2002, ..] => Carried::Translated(Ipv4Addr::from_bits((bits >> 80) as u32)),
        _ => Carried::Nothing,
    }
}

/// Whether the address is outside the blocks that IANA lists as not globally reachable, and is not the platform address of a cloud.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        [0, ..] | [10, ..] | [127, ..] => true,
        [100, second, ..] => (64..128).contains(&second),
        // The address of Azure's platform, which every machine there can reach. It looks public, and serves metadata.
        [168, 63, 129, 16] => true,
        // Link-local, where the clouds' metadata services answer.
        [169, 254, ..] => true,
        [172, second, ..] => (16..32).contains(&second),
        [192, 0, 0, _] | [192, 0, 2, _] | [192, 88, 99, _] | [192, 168, ..] => true,
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Multicast, reserved and broadcast.
        [224..=255, ..] => true,
        _ => false,
    };
    !special
}

/// Whether the address is within `2000::/3`, which contains all public addresses, and outside its special blocks.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Protocol assignments, including Teredo and ORCHID.
        [0x2001, second, ..] if second < 0x200 => false,
        // Documentation.
        [0x2001, 0xdb8, ..] => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(networks: &[&str]) -> AddressRules {
        AddressRules { allowed: networks.iter().map(|network| network.parse().unwrap()).collect() }
    }

    fn allowed(rules: &AddressRules, address: &str) -> bool {
        rules.is_allowed(address.parse().unwrap_or_else(|_| panic!("{address}")))
    }

    #[test]
    fn only_public_addresses_are_allowed_by_default() {
        let refused = [
            // This host, private, shared, loopback.
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "192.168.255.255",
            // Metadata services.
            "169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
            // Reserved, tests, documentation, multicast, broadcast.
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            // The same kinds of IPv6 addresses.
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fdff::1",
            "ff02::1",
            "ff0e::1",
            "100::1",
            "2001::1",
            "2001:1::1",
            "2001:20::1",
            "2001:1ff::1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "4000::1",
            "64:ff9b:1::808:808",
            // Embedded IPv4 addresses.
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:a9fe:a9fe::",
            "2002:c0a8:101::1",
        ];
        for address in refused {
            assert!(!allowed(&AddressRules::default(), address), "{address}");
        }
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1",
            "2a00:1450::1",
            "3ffe::1",
            "3fff:1000::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ];
        for address in public {
            assert!(allowed(&AddressRules::default(), address), "{address}");
        }
    }

    #[test]
    fn the_operator_allows_networks() {
        let cases: &[(&[&str], &str, bool)] = &[
            (&["127.0.0.0/8"], "127.0.0.1", true),
            (&["127.0.0.0/8"], "::ffff:127.0.0.1", true),
            (&["127.0.0.0/8"], "::1", false),
            (&["127.0.0.0/8"], "10.0.0.1", false),
            (&["::1/128"], "::1", true),
            (&["::1/128"], "::2", false),
            (&["10.1.0.0/16"], "10.1.255.255", true),
            (&["10.1.0.0/16"], "10.2.0.0", false),
            (&["10.1.0.0/16"], "64:ff9b::a01:1", true),
            (&["10.1.2.3/32"], "10.1.2.3", true),
            (&["10.1.2.3/32"], "10.1.2.4", false),
            (&["10.1.2.3/0"], "192.168.0.1", true),
            (&["10.1.2.3/0"], "fd00::1", false),
            (&["fd00::/8", "172.16.0.0/12"], "fd12::1", true),
            (&["fd00::/8", "172.16.0.0/12"], "172.20.0.1", true),
            (&["fd00::/8", "172.16.0.0/12"], "fe80::1", false),
            (&["::/0"], "fe80::1", true),
            // The networks are IPv6, and the embedded address is IPv4.
            (&["::/0"], "::ffff:10.0.0.1", false),
        ];
        for (networks, address, expected) in cases {
            assert_eq!(allowed(&rules(networks), address), *expected, "{networks:?} {address}");
        }
    }
}

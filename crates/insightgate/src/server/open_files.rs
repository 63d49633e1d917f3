//! Limits the open files: connections use some of them, and the database and the data need the others.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::server::connections::Places;

/// The files that are left to the database, the data, artifacts and outgoing requests.
const OTHERS: u64 = 256;

/// Returns the places for connections. The limit of open files is raised as far as the system allows it to an ordinary process. If that is too low,
/// there are fewer places, and the log says so.
pub fn places(total: usize, per_address: usize, proxies: &[IpNet]) -> Places {
    let wanted = total as u64 + OTHERS;
    let limit = rlimit::increase_nofile_limit(wanted.max(4096)).unwrap_or(wanted);
    let total = within(total, limit);
    if total as u64 + OTHERS < wanted {
        tracing::warn!(
            limit,
            connections = total,
            "fewer connections are taken than server.connections says, since the process may open few files"
        );
    }
    Places { total, per_address: per_address.min(total), proxies: proxies.iter().map(canonical).collect() }
}

fn within(total: usize, limit: u64) -> usize {
    // However low the limit is, half of it is for connections.
    let room = limit.saturating_sub(OTHERS).max(limit / 2);
    total.min(usize::try_from(room).unwrap_or(usize::MAX))
}

/// The network in the form with which addresses are compared.
pub fn canonical(network: &IpNet) -> IpNet {
    match (network.addr().to_canonical(), network) {
        (IpAddr::V4(address), IpNet::V6(mapped)) if mapped.prefix_len() >= 96 => {
            ipnet::Ipv4Net::new(address, mapped.prefix_len() - 96).map_or(*network, IpNet::V4)
        }
        _ => *network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_everything_else() {
        for (total, limit, expected) in [(1024, 524_288, 1024), (1024, 1280, 1024), (1024, 1024, 768), (1024, 256, 128), (64, 1024, 64)] {
            assert_eq!(within(total, limit), expected, "{total} of {limit}");
        }
    }

    #[test]
    fn proxies_are_compared_in_one_form() {
        let places = places(10, 20, &["::ffff:10.0.0.0/104".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        assert_eq!(places.proxies, ["10.0.0.0/8".parse::<IpNet>().unwrap(), "fd00::/8".parse().unwrap()]);
        assert_eq!((places.total, places.per_address), (10, 10));
    }
}

//! The kind of network, where the host does not tell it: on Linux, from files that anybody may read. No permission is
//! needed, and nothing is kept but the kind: no address, no name of a network, no name of a device.

use candor_protocol::report::Network;
use std::fs;
use std::path::Path;

/// The kind of network that leads to the rest of the world; `None` where that cannot be seen.
pub(crate) fn look() -> Option<Network> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let v4 = fs::read_to_string("/proc/net/route").ok()?;
    // A system without IPv6 has no such file.
    let v6 = fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    let way = way_out(&v4).or_else(|| way_out_v6(&v6));
    Some(match way {
        Some(interface) => kind(&Path::new("/sys/class/net").join(interface)),
        None => Network::None,
    })
}

/// The interface of the default route with the smallest metric, in the words of `/proc/net/route`.
fn way_out(table: &str) -> Option<&str> {
    let routes = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (interface, destination) = (fields.next()?, fields.next()?);
        let metric: u32 = fields.nth(4)?.parse().ok()?;
        let mask = fields.next()?;
        (destination == "00000000" && mask == "00000000").then_some((metric, interface))
    });
    routes.min().map(|(_, interface)| interface)
}

/// The same in the words of `/proc/net/ipv6_route`.
fn way_out_v6(table: &str) -> Option<&str> {
    let routes = table.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (destination, length) = (fields.next()?, fields.next()?);
        let metric = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
        let interface = fields.nth(3)?;
        let everywhere = length == "00" && destination.bytes().all(|digit| digit == b'0');
        // The kernel keeps a route to nowhere on the loopback interface.
        (everywhere && interface != "lo").then_some((metric, interface))
    });
    routes.min().map(|(_, interface)| interface)
}

/// What `/sys/class/net/INTERFACE` says of its kind. What is behind a tunnel cannot be seen from here.
fn kind(interface: &Path) -> Network {
    let event = fs::read_to_string(interface.join("uevent")).unwrap_or_default();
    let device = event.lines().find_map(|line| line.strip_prefix("DEVTYPE="));
    // ARPHRD_ETHER of <linux/if_arp.h>.
    let ethernet = fs::read_to_string(interface.join("type")).is_ok_and(|kind| kind.trim() == "1");
    match device {
        Some("wlan") => Network::Wifi,
        Some("wwan") => Network::Cell,
        None if ethernet => Network::Ethernet,
        // Bridges and virtual networks of containers lead out over a cable as far as anybody here can tell.
        Some("bridge" | "vlan" | "bond") if ethernet => Network::Ethernet,
        _ => Network::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        wlan0\t00000000\t010012AC\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
        eth0\t00000000\t010012AC\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
        eth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";

    const V6: &str = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
        fe800000000000000000000000000001 00000400 00000001 00000000 00000003     wwan0\n\
        00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
        00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";

    #[test]
    fn the_way_out_is_the_default_route_with_the_smallest_metric() {
        assert_eq!(way_out(V4), Some("eth0"));
        assert_eq!(way_out_v6(V6), Some("wwan0"));
        assert_eq!(way_out("Iface\tDestination\n"), None);
        assert_eq!(way_out_v6("garbage\n\n00 00\n"), None);
    }

    #[test]
    fn an_interface_tells_its_kind_and_nothing_else_is_read_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let kind_of = |number: &str, event: &str| {
            fs::write(dir.path().join("type"), number).unwrap();
            fs::write(dir.path().join("uevent"), event).unwrap();
            kind(dir.path())
        };
        assert_eq!(
            kind_of("1\n", "DEVTYPE=wlan\nINTERFACE=wlan0\n"),
            Network::Wifi
        );
        assert_eq!(kind_of("1\n", "INTERFACE=eth0\n"), Network::Ethernet);
        assert_eq!(
            kind_of("65534\n", "DEVTYPE=wwan\nINTERFACE=wwan0\n"),
            Network::Cell
        );
        assert_eq!(kind_of("65534\n", "INTERFACE=tun0\n"), Network::Unknown);
        assert_eq!(kind(&dir.path().join("gone")), Network::Unknown);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_has_an_answer() {
        assert!(look().is_some());
    }
}

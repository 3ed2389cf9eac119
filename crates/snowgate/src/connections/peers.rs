//! How many connections each address has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections by address.
#[derive(Clone)]
pub struct Peers {
    most: usize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection's place among those of its address; given back when it is dropped.
pub struct Seat {
    peers: Peers,
    address: IpAddr,
}

impl Peers {
    /// At most so many for each.
    pub fn new(most: usize) -> Self {
        Self { most, counts: Arc::default() }
    }

    /// A place for one more connection from there; none when it has as many as it may.
    pub fn seat(&self, address: IpAddr) -> Option<Seat> {
        let address = network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Seat { peers: self.clone(), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.peers.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// What one machine can call its own: an IPv4 address, or an IPv6 network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_gives_them_back() {
        let peers = Peers::new(2);
        let seat = |text: &str| peers.seat(text.parse().unwrap());
        let (first, second) = (seat("192.0.2.1").unwrap(), seat("192.0.2.1").unwrap());
        assert!(seat("192.0.2.1").is_none() && seat("::ffff:192.0.2.1").is_none());
        assert!(seat("192.0.2.2").is_some());
        drop(first);
        let third = seat("192.0.2.1").unwrap();
        assert!(seat("192.0.2.1").is_none());
        drop((second, third));
        assert!(peers.counts.lock().unwrap().is_empty());
        let (_a, _b) = (seat("2001:db8::1").unwrap(), seat("2001:db8::2").unwrap());
        assert!(seat("2001:db8::3").is_none(), "one network");
    }
}

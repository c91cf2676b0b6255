//! A machine of a lab: its container, and what is known of its packet filter.

use tokio::sync::Mutex;

use super::wall::{Counted, Orders};

/// A machine of the lab.
pub(super) struct Machine {
    pub(super) container: String,
    /// On the LAN.
    pub(super) address: String,
    pub(super) wall: Mutex<Wall>,
}

/// The state of a machine's packet filter.
#[derive(Default)]
pub(super) struct Wall {
    pub(super) orders: Orders,
    /// Counted before the last start, which made the filter anew.
    before: Counted,
    /// The last answer since.
    last: Counted,
}

impl Machine {
    /// A machine that does not run.
    pub(super) fn new(container: String, address: &str) -> Self {
        Self {
            container,
            address: address.to_owned(),
            wall: Mutex::default(),
        }
    }

    /// The machine starts, and its filter counts from 0 again. What the filter is to do.
    pub(super) async fn begins_anew(&self) -> Orders {
        let mut wall = self.wall.lock().await;
        let Counted { sent, passed } = std::mem::take(&mut wall.last);
        wall.before.sent += sent;
        wall.before.passed += passed;
        wall.orders.clone()
    }

    /// All that was counted since the lab began; without an answer, what was known.
    pub(super) async fn count(&self, answer: Option<Counted>) -> Counted {
        let mut wall = self.wall.lock().await;
        wall.last = answer.unwrap_or(wall.last);
        Counted {
            sent: wall.before.sent + wall.last.sent,
            passed: wall.before.passed + wall.last.passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_counted_outlives_a_restart_and_silence() {
        let machine = Machine::new("x".into(), "192.168.150.3");
        let counted = |sent, passed| Counted { sent, passed };
        assert_eq!(machine.count(None).await, counted(0, 0));
        assert_eq!(machine.count(Some(counted(7, 5))).await, counted(7, 5));
        assert_eq!(machine.count(None).await, counted(7, 5));
        assert!(!machine.begins_anew().await.shut);
        assert_eq!(machine.count(None).await, counted(7, 5));
        assert_eq!(machine.count(Some(counted(2, 2))).await, counted(9, 7));
    }
}

//! The clocks of a run: one that everything is ordered and judged by, and one for people.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The run's only clock: monotonic, from the moment that the run began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: Wall,
}

/// Where the time for people is from.
#[derive(Clone, Copy, Debug)]
enum Wall {
    /// This computer.
    Computer,
    /// A simulated world, whose time begins here and goes with the monotonic clock.
    World(Timestamp, Option<Jump>),
}

/// A simulated jump of the time for people.
#[derive(Clone, Copy, Debug)]
pub struct Jump {
    /// When, since the run began.
    pub after: Duration,
    /// How far ahead.
    pub ahead: Duration,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            wall: Wall::Computer,
        }
    }

    /// The clock of a simulated world: the time for people goes as fast as the world does, and may
    /// jump.
    pub fn simulated(jump: Option<Jump>) -> Self {
        Self {
            start: Instant::now(),
            wall: Wall::World(Timestamp::now(), jump),
        }
    }

    /// Microseconds since the start.
    pub fn now_us(self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The time for people.
    pub fn wall(self) -> Timestamp {
        let Wall::World(began, jump) = self.wall else {
            return Timestamp::now();
        };
        let elapsed = self.start.elapsed();
        let jumped = jump.filter(|jump| elapsed >= jump.after);
        let passed = elapsed + jumped.map_or(Duration::ZERO, |jump| jump.ahead);
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        began.checked_add(passed).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_simulated_world_goes_with_the_world() {
        let (after, ahead) = (Duration::from_secs(20), Duration::from_secs(3600));
        let clock = Clock::simulated(Some(Jump { after, ahead }));
        let began = clock.wall();
        let passed = || clock.wall().duration_since(began).as_secs();
        tokio::time::advance(Duration::from_secs(19)).await;
        assert_eq!((clock.now_us(), passed()), (19_000_000, 19));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((clock.now_us(), passed()), (20_000_000, 3620));
    }
}

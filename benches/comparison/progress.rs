//! How far it is: a line that is written over on a terminal, else one for each group of cells.

use crate::cells::Cell;
use crate::report::count;
use breakerbox_benches::work::Work;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

pub(crate) struct Progress {
    of: usize,
    done: usize,
    started: Instant,
    is_terminal: bool,
    group: Option<(Work, usize)>,
}

impl Progress {
    pub(crate) fn of(cells: usize) -> Self {
        Self {
            of: cells,
            done: 0,
            started: Instant::now(),
            is_terminal: stderr().is_terminal(),
            group: None,
        }
    }

    pub(crate) fn begin(&mut self, cell: Cell) {
        let place = format!("{}/{}", self.done + 1, self.of);
        if self.is_terminal {
            let left = self.left().map_or(String::new(), |left| {
                format!(", about {} s left", left.as_secs())
            });
            eprint!("\r\x1b[K[{place}] {cell}{left}");
            // What isn't shown isn't missed.
            let _ = stderr().flush();
        } else if self.group != Some((cell.work, cell.keys)) {
            self.group = Some((cell.work, cell.keys));
            let seconds = self.started.elapsed().as_secs();
            let (work, keys) = (cell.work.label(), count(cell.keys, "key"));
            eprintln!("[{place}, {seconds} s] {work}, {keys}");
        }
    }

    pub(crate) fn end(&mut self) {
        self.done += 1;
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
    }

    fn left(&self) -> Option<Duration> {
        let each = self.started.elapsed().checked_div(self.done as u32)?;
        Some(each * (self.of - self.done) as u32)
    }
}

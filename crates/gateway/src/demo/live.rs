//! The terminal: draws the view, reads keys, and restores the screen.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::running::Demo;
use super::view;
use crate::signals::Signals;

const FRAME: Duration = Duration::from_millis(100);

/// Shows the demo until it ends or `q` is pressed. Restores the terminal, on a panic too.
pub(super) async fn show(demo: &Demo, ends: impl Future<Output = ()>) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let shown = frames(demo, &mut terminal, ends).await;
    ratatui::restore();
    shown
}

async fn frames(
    demo: &Demo,
    terminal: &mut DefaultTerminal,
    ends: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut keys = Keys::read();
    let mut signals = Signals::listen()?;
    let mut ends = std::pin::pin!(ends);
    let mut ticks = interval(FRAME);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            key = keys.next.recv() => match key {
                Some(KeyCode::Char('q') | KeyCode::Esc) | None => return Ok(()),
                Some(KeyCode::Char(digit)) => demo.key(digit),
                Some(_) => {}
            },
            () = ends.as_mut() => return Ok(()),
            _ = signals.next() => {
                signals.end_at_the_next();
                return Ok(());
            }
        }
        terminal.draw(|frame| view::draw(demo, frame.area(), frame.buffer_mut()))?;
    }
}

/// Keys, read on a thread of their own, since reading them blocks.
struct Keys {
    next: mpsc::UnboundedReceiver<KeyCode>,
    over: Arc<AtomicBool>,
}

impl Keys {
    fn read() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (sender, next) = mpsc::unbounded_channel();
        let ended = Arc::clone(&over);
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                match event::poll(FRAME).and_then(|ready| ready.then(event::read).transpose()) {
                    Ok(Some(Event::Key(key))) if key.kind == KeyEventKind::Press => {
                        let interrupt = key.code == KeyCode::Char('c')
                            && key.modifiers.contains(KeyModifiers::CONTROL);
                        let code = if interrupt { KeyCode::Esc } else { key.code };
                        if sender.send(code).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        Self { next, over }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

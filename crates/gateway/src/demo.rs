//! The `demo` command: upstreams that fail on a script, the gateway before them, traffic, a view.

mod board;
mod fault;
mod live;
mod plain;
mod rules;
mod script;
mod svg;
mod switches;
mod traffic;
mod upstream;
mod view;

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::cli::DemoArgs;
use crate::config::Config;
use crate::gateway::{Circuit, Gateway, Hooks};
use crate::route::Route;
use board::Board;
use script::ROUTES;
use switches::Switches;
use upstream::Upstream;

/// The size of the picture that `--svg` makes.
const PICTURE: Rect = Rect::new(0, 0, 118, 34);

/// A running demo, as the views see it.
struct Demo {
    gateway: Gateway,
    board: Arc<Board>,
    switches: Arc<Switches>,
}

/// Runs the demo until it is over, a signal, or `q`.
///
/// # Errors
/// If an address can't be listened on or the terminal can't be used.
pub async fn run(args: DemoArgs) -> Result<(), Box<dyn Error>> {
    let board = Arc::new(Board::new());
    let upstreams = ROUTES
        .iter()
        .map(|name| Upstream::new(name))
        .collect::<io::Result<Vec<_>>>()?;
    let mut helpers = JoinSet::new();
    for upstream in &upstreams {
        helpers.spawn(Arc::clone(upstream).run());
    }
    let switches = Arc::new(Switches {
        upstreams,
        board: Arc::clone(&board),
    });
    let gateway = start_gateway(&args, &switches).await?;
    let demo = Demo {
        gateway,
        board,
        switches,
    };

    let (stop, stopped) = watch::channel(false);
    let address = demo.gateway.address();
    let clients = tokio::spawn(traffic::drive(address, Arc::clone(&demo.board), stopped));
    helpers.spawn(follow_script(Arc::clone(&demo.switches)));

    let shown = demo.show(&args).await;
    if let (Ok(()), Some(path)) = (&shown, &args.svg) {
        let mut frame = Buffer::empty(PICTURE);
        view::draw(&demo, PICTURE, &mut frame);
        std::fs::write(path, svg::svg(&frame))?;
    }
    stop.send_replace(true);
    clients.await?;
    // Whoever reads the output may have gone; that is no error of the demo's.
    let _ = write!(io::stdout(), "{}", plain::summary(&demo));
    demo.gateway.shutdown().await;
    match shown {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        shown => Ok(shown?),
    }
}

async fn start_gateway(
    args: &DemoArgs,
    switches: &Arc<Switches>,
) -> Result<Gateway, Box<dyn Error>> {
    let route = |it: &Arc<Upstream>| format!("/{}=http://{}", it.name, it.address).parse();
    let routes: Result<Vec<Route>, _> = switches.upstreams.iter().map(route).collect();
    let mut config = Config::new(routes?);
    config.listen = args.listen;
    config.policies = Some(rules::policies(true));
    config.response_timeout = script::RESPONSE;
    config.connect_timeout = Duration::from_millis(500);
    config.drain_timeout = Duration::from_secs(2);
    let board = Arc::clone(&switches.board);
    let hooks = Hooks {
        on_change: Some(Box::new(move |change| board.changed(change))),
        pages: Some(Arc::clone(switches) as _),
    };
    Ok(Gateway::start(config, hooks).await?)
}

async fn follow_script(switches: Arc<Switches>) -> io::Result<()> {
    let mut ticks = interval(Duration::from_millis(20));
    loop {
        ticks.tick().await;
        let since = switches.board.elapsed();
        switches.follow_script(|route| script::fault(route, since));
    }
}

impl Demo {
    async fn show(&self, args: &DemoArgs) -> io::Result<()> {
        let ends = async {
            match args.seconds {
                Some(seconds) => sleep(Duration::from_secs(seconds.into())).await,
                None => std::future::pending().await,
            }
        };
        let view = async {
            if args.plain || !io::stdout().is_terminal() {
                plain::show(self, ends).await
            } else {
                live::show(self, ends).await
            }
        };
        tokio::select! {
            shown = view => shown,
            () = self.keep_marks() => unreachable!("marks are kept for ever"),
            () = self.keep_rules() => unreachable!("rules are kept for ever"),
        }
    }

    /// Replaces the rule that begins in shadow, and puts it back, in each round of the story.
    async fn keep_rules(&self) {
        let mut ticks = interval(Duration::from_millis(100));
        let mut shadow = true;
        loop {
            ticks.tick().await;
            let since = self.board.elapsed().as_millis() % script::PERIOD.as_millis();
            let now = rules::in_shadow(Duration::from_millis(since as u64));
            if now != shadow {
                shadow = now;
                self.gateway.set_policies(rules::policies(shadow));
                self.board.ruled(shadow);
            }
        }
    }

    async fn keep_marks(&self) {
        let mut ticks = interval(board::MARK);
        loop {
            ticks.tick().await;
            let states = (0..ROUTES.len()).filter_map(|route| self.circuit(route));
            self.board
                .mark(states.map(|circuit| circuit.snapshot.state));
        }
    }

    /// The circuit of a route.
    fn circuit(&self, route: usize) -> Option<Circuit> {
        self.gateway.circuit(&format!("/{}", ROUTES[route]))
    }

    /// A digit was pressed: another fault for that route, or all back to the script.
    fn key(&self, digit: char) {
        match digit.to_digit(10) {
            Some(0) => (0..ROUTES.len()).for_each(|route| self.switches.hand_back(route)),
            Some(number) if (1..=ROUTES.len()).contains(&(number as usize)) => {
                let route = number as usize - 1;
                let fault = self.switches.upstreams[route].switch().fault.next();
                self.switches.set_by_hand(route, fault);
            }
            _ => {}
        }
    }

    /// What to try in another terminal.
    fn commands(&self) -> [(&'static str, String); 5] {
        let (proxy, admin) = (self.gateway.address(), self.gateway.admin_address());
        let faults = format!("http://{admin}/demo/faults");
        [
            (
                "a request through the gateway",
                format!("curl -i http://{proxy}/orders"),
            ),
            (
                "key, state, failures in headers",
                format!("curl -i -H 'x-breakerbox-debug: 1' http://{proxy}/search"),
            ),
            ("all circuits", format!("curl -s http://{admin}/circuits")),
            (
                "or slow, hanging, errors, flapping",
                format!("curl -X POST '{faults}/catalog?mode=down'"),
            ),
            (
                "back to the script",
                format!("curl -X POST '{faults}/catalog?mode=script'"),
            ),
        ]
    }
}

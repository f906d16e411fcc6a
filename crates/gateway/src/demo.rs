//! The `demo` command: upstreams that fail on a script, the gateway in front of them, traffic, a
//! view.

mod board;
mod fault;
mod live;
mod plain;
mod rules;
mod running;
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
use crate::gateway::{Gateway, Hooks};
use crate::route::Route;
use board::Board;
use running::Demo;
use script::ROUTES;
use switches::Switches;
use upstream::Upstream;

/// The size of the picture that `--svg` makes.
const PICTURE: Rect = Rect::new(0, 0, 118, 34);

/// Runs the demo until its time is over, a signal comes, or `q` is pressed.
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

    let shown = show(&demo, &args).await;
    if let (Ok(()), Some(path)) = (&shown, &args.svg) {
        let mut frame = Buffer::empty(PICTURE);
        view::draw(&demo, PICTURE, &mut frame);
        std::fs::write(path, svg::svg(&frame))?;
    }
    stop.send_replace(true);
    clients.await?;
    // The reader of the output may have gone, which is no error of the demo.
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

async fn show(demo: &Demo, args: &DemoArgs) -> io::Result<()> {
    let ends = async {
        match args.seconds {
            Some(seconds) => sleep(Duration::from_secs(seconds.into())).await,
            None => std::future::pending().await,
        }
    };
    let view = async {
        if args.plain || !io::stdout().is_terminal() {
            plain::show(demo, ends).await
        } else {
            live::show(demo, ends).await
        }
    };
    tokio::select! {
        shown = view => shown,
        () = demo.keep_marks() => unreachable!("marks are kept until the end"),
        () = demo.keep_rules() => unreachable!("rules are kept until the end"),
    }
}

//! The live view: one frame, drawn into a buffer.

use std::time::Duration;

use breakerbox::CircuitState;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Padding, Paragraph, Widget};

use super::board::{Event, MARK, What, time};
use super::fault::Fault;
use super::rules;
use super::running::Demo;
use super::script::{RESET, ROUTES};
use super::traffic::RATE;

const DIM: Style = Style::new().fg(Color::DarkGray);

/// Heading and width of each column.
const COLUMNS: [(&str, u16); 10] = [
    ("route", 10),
    ("upstream", 21),
    ("circuit", 11),
    ("failures", 9),
    ("retry in", 9),
    ("req/s", 7),
    ("rejected/s", 11),
    ("p50", 9),
    ("p99", 9),
    ("reached upstream", 17),
];

/// The least height at which the time lines are shown.
const ROOMY: u16 = 28;

/// Draws a frame.
pub(super) fn draw(demo: &Demo, area: Rect, buffer: &mut Buffer) {
    let lines = if area.height >= ROOMY { 2 } else { 1 };
    let commands = demo.commands();
    let [head, routes, log, help, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(3 + lines * ROUTES.len() as u16),
        Constraint::Min(3),
        Constraint::Length(2 + commands.len() as u16),
        Constraint::Length(1),
    ])
    .areas(area);
    header(demo, head, buffer);
    table(demo, lines, routes, buffer);
    events(demo, log, buffer);
    by_hand(&commands, help, buffer);
    footer(foot, buffer);
}

fn header(demo: &Demo, area: Rect, buffer: &mut Buffer) {
    let seconds = demo.board.elapsed().as_secs();
    let first = Line::from(vec![
        " breakerbox ".bold().reversed(),
        "  one gateway, ".into(),
        format!("{} upstreams that fail on a script, ", ROUTES.len()).into(),
        format!("{RATE} requests/s to each",).into(),
    ]);
    let rules = format!(
        "  /orders, /search: {}; /payments: {}; /catalog: {}; probes after {} s",
        rules::text(0),
        rules::text(2),
        rules::text(rules::SHADOWED),
        RESET.as_secs()
    );
    Paragraph::new(vec![first, Line::styled(rules, DIM)]).render(area, buffer);
    let time = format!("{:02}:{:02} ", seconds / 60, seconds % 60);
    Line::from(time.bold())
        .alignment(Alignment::Right)
        .render(area, buffer);
}

fn block(title: &'static str) -> Block<'static> {
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(DIM)
        .title(Span::styled(title, Style::new().bold()))
        .padding(Padding::horizontal(1))
}

fn table(demo: &Demo, lines: u16, area: Rect, buffer: &mut Buffer) {
    let block = block(" Routes ");
    let inner = block.inner(area);
    block.render(area, buffer);
    row(
        COLUMNS.map(|(heading, _)| Span::styled(heading, DIM)),
        inner,
        0,
        buffer,
    );
    for route in 0..ROUTES.len() {
        let line = 1 + lines * route as u16;
        route_row(demo, route, inner, line, buffer);
        if lines > 1 {
            time_line(demo, route, inner, line + 1, buffer);
        }
    }
}

fn row<'a>(cells: [Span<'a>; COLUMNS.len()], area: Rect, line: u16, buffer: &mut Buffer) {
    let (mut x, y) = (area.x, area.y + line);
    for (cell, (_, width)) in cells.into_iter().zip(COLUMNS) {
        if y >= area.bottom() || x >= area.right() {
            return;
        }
        let width = width.min(area.right() - x);
        buffer.set_span(x, y, &cell, width.saturating_sub(1));
        x += width;
    }
}

fn route_row(demo: &Demo, route: usize, area: Rect, line: u16, buffer: &mut Buffer) {
    let Some(circuit) = demo.circuit(route) else {
        return;
    };
    let fault = demo.switches.upstreams[route].switch().fault;
    let (rates, totals) = (demo.board.rates(route), demo.board.totals(route));
    let retry = match (circuit.snapshot.state, circuit.retry_after) {
        (CircuitState::Open, Some(left)) => format!("{:.1} s", left.as_secs_f64()),
        (CircuitState::HalfOpen, _) => "probing".to_owned(),
        _ => String::new(),
    };
    let rejected = if rates.rejected > 0.0 {
        format!("{:.0}", rates.rejected).fg(Color::Red)
    } else {
        Span::styled("0", DIM)
    };
    let seen = demo.switches.upstreams[route].seen();
    let cells = [
        format!("/{}", ROUTES[route]).bold(),
        Span::styled(fault.does(), fault_style(fault)),
        Span::styled(
            circuit.snapshot.state.to_string(),
            state_style(circuit.snapshot.state).bold(),
        ),
        circuit.snapshot.failure_count.to_string().into(),
        retry.fg(Color::Yellow),
        format!("{:.0}", rates.requests).into(),
        rejected,
        milliseconds(rates.p50).into(),
        milliseconds(rates.p99).into(),
        format!("{seen} of {}", totals.requests).into(),
    ];
    row(cells, area, line, buffer);
}

/// Draws the states of a circuit, from left to right until now.
fn time_line(demo: &Demo, route: usize, area: Rect, line: u16, buffer: &mut Buffer) {
    let y = area.y + line;
    if y >= area.bottom() {
        return;
    }
    let marks = demo.board.marks(route, area.width.into());
    let start = area.right() - marks.len() as u16;
    for (x, state) in (start..).zip(marks) {
        buffer[(x, y)].set_symbol("▄").set_style(state_style(state));
    }
}

fn events(demo: &Demo, area: Rect, buffer: &mut Buffer) {
    let block = block(" What happened ");
    let inner = block.inner(area);
    block.render(area, buffer);
    let lines: Vec<Line<'_>> = demo
        .board
        .log(inner.height.into())
        .iter()
        .map(event)
        .collect();
    Paragraph::new(lines).render(inner, buffer);
}

fn event(it: &Event) -> Line<'static> {
    let style = match it.what {
        What::Fault(..) | What::Rule { .. } => DIM,
        What::Change { to, .. } => state_style(to),
    };
    Line::from(vec![
        Span::styled(time(it.since), DIM),
        format!("  /{:<9}", ROUTES[it.route]).into(),
        Span::styled(it.text(), style),
    ])
}

fn by_hand(commands: &[(&'static str, String)], area: Rect, buffer: &mut Buffer) {
    let block = block(" Try it in another terminal ");
    let inner = block.inner(area);
    block.render(area, buffer);
    let width = commands
        .iter()
        .map(|it| it.1.len())
        .max()
        .unwrap_or_default();
    let line = |(comment, command): &(&'static str, String)| {
        Line::from(vec![
            format!("{command:<width$}").fg(Color::Cyan),
            Span::styled(format!("  # {comment}"), DIM),
        ])
    };
    let lines: Vec<Line<'_>> = commands.iter().map(line).collect();
    Paragraph::new(lines).render(inner, buffer);
}

fn footer(area: Rect, buffer: &mut Buffer) {
    let mark = |state: CircuitState| {
        [
            Span::styled("■ ", state_style(state)),
            format!("{state}  ").into(),
        ]
    };
    let mut spans = vec![" q".bold(), " quit   ".into()];
    spans.extend(["1-4".bold(), " another fault for a route   ".into()]);
    spans.extend(["0".bold(), " back to the script".into()]);
    Line::from(spans).render(area, buffer);
    let states = [
        CircuitState::Closed,
        CircuitState::HalfOpen,
        CircuitState::Open,
    ];
    let mut legend: Vec<Span<'_>> = states.into_iter().flat_map(mark).collect();
    legend.push(Span::styled(
        format!("({} ms a mark) ", MARK.as_millis()),
        DIM,
    ));
    Line::from(legend)
        .alignment(Alignment::Right)
        .render(area, buffer);
}

fn state_style(state: CircuitState) -> Style {
    Style::new().fg(match state {
        CircuitState::Closed | CircuitState::Disabled => Color::Green,
        CircuitState::HalfOpen => Color::Yellow,
        // Also a state that this version doesn't know.
        _ => Color::Red,
    })
}

fn fault_style(fault: Fault) -> Style {
    match fault {
        Fault::None => Style::new().fg(Color::Green),
        Fault::Slow | Fault::Flapping => Style::new().fg(Color::Yellow),
        Fault::Down | Fault::Hanging | Fault::Errors => Style::new().fg(Color::Red),
    }
}

pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

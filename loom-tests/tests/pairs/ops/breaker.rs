//! The operations of a breaker and its handles.

use breakerbox::__steps::{put_policies, sync_watch};
use breakerbox::Outcome;

use super::act::*;
use super::cut::{count_call_failing, count_call_well, count_failure, count_success};
use super::store::{HOLDS, drop_handle, make_handle};
use super::*;
use crate::rules::{BOTH, GROUPED, IN_FLIGHT, PLAIN, TIMED, WINDOW};
use crate::seen::drops;
use crate::world::KEY;

/// The operations of a breaker.
pub(crate) const BREAKER: &[Op] = &[
    op("acquire", ASKS, acquire),
    counts(
        op("success", PERMIT, |w, role| tell(w, role, Outcome::Success)),
        count_success,
    ),
    counts(
        op("failure", FAILURE, |w, role| {
            tell(w, role, Outcome::Failure)
        }),
        count_failure,
    ),
    op("ignored", PERMIT, |w, role| tell(w, role, Outcome::Ignored)),
    // The policy says first what a drop means; the report follows.
    steps(
        op("drop a permit", FAILURE, |w, role| {
            let permit = w.permits.borrow_mut()[role].take();
            drop(permit);
            Answer::Nothing
        }),
        &[
            |w, _| {
                w.means.set(drops(&breaker(w)));
                Answer::Nothing
            },
            |w, role| {
                let means = w.means.get();
                let _ = tell(
                    w,
                    role,
                    [Outcome::Ignored, Outcome::Failure][usize::from(means)],
                );
                Answer::Nothing
            },
        ],
    ),
    counts(
        steps(
            op("call, well", ASKS, |w, _| {
                called(breaker(w).call(KEY, || Ok::<_, ()>(())))
            }),
            &[asks, |w, role| calls(w, role, Outcome::Success)],
        ),
        count_call_well,
    ),
    counts(
        steps(
            op("call, failing", FAILING, |w, _| {
                called(breaker(w).call(KEY, || Err::<(), _>(())))
            }),
            &[asks, |w, role| calls(w, role, Outcome::Failure)],
        ),
        count_call_failing,
    ),
    op("breaker.peek", NONE, |w, _| {
        is_or_unknown(breaker(w).peek(KEY))
    }),
    op("retry_after", NONE, |w, _| {
        Answer::RetryAfter(breaker(w).retry_after(KEY))
    }),
    // Its counts are of moments of their own.
    op("stats", NONE, |w, _| match breaker(w).stats(KEY) {
        Some(seen) => Answer::Looked(seen.snapshot, seen.open_until, seen.probes_out),
        None => Answer::Unknown,
    }),
    policies(
        "plain policies",
        |w, _| set(w, &PLAIN),
        &[|w, _| put(w, &PLAIN), conforms],
    ),
    policies(
        "window policies",
        |w, _| set(w, &WINDOW),
        &[|w, _| put(w, &WINDOW), conforms],
    ),
    policies(
        "in-flight policies",
        |w, _| set(w, &IN_FLIGHT),
        &[|w, _| put(w, &IN_FLIGHT), conforms],
    ),
    policies(
        "both policies",
        |w, _| set(w, &BOTH),
        &[|w, _| put(w, &BOTH), conforms],
    ),
    policies(
        "timed policies",
        |w, _| set(w, &TIMED),
        &[|w, _| put(w, &TIMED), conforms],
    ),
    policies(
        "grouped policies",
        |w, _| set(w, &GROUPED),
        &[|w, _| put(w, &GROUPED), conforms],
    ),
    steps(
        op("guarded handle", HOLDS, made_guarded),
        &[made_guarded, |w, _| {
            for made in w.made_guarded.borrow().iter() {
                made.get_state();
            }
            Answer::Nothing
        }],
    ),
    make_handle(),
];

fn made_guarded(world: &World, _: Role) -> Answer {
    let made = breaker(world).circuit(KEY);
    let is_made = made.is_ok();
    world.made_guarded.borrow_mut().extend(made);
    Answer::Made(is_made)
}

/// Returns a replacement of policies: the set is put in place, then each circuit's watch follows.
const fn policies(name: &'static str, run: Do, steps_of: &'static [Do]) -> Op {
    steps(op(name, NONE, run), steps_of)
}

fn put(world: &World, rules: &crate::rules::Rules) -> Answer {
    put_policies(&breaker(world), rules.policies());
    Answer::Nothing
}

fn conforms(world: &World, _: Role) -> Answer {
    sync_watch(&breaker(world));
    Answer::Nothing
}

/// The operations of a breaker's handle.
pub(crate) const BREAKER_HANDLE: &[Op] = &[
    by_handle(op("guarded.acquire", ASKS, |w, role| {
        let asked = guarded(w, |h| h.acquire_owned());
        admitted(w, role, asked.map(crate::world::Permit::Owned))
    })),
    by_handle(counts(
        steps(
            op("guarded call, well", ASKS, |w, _| {
                called(guarded(w, |h| h.call(|| Ok::<_, ()>(()))))
            }),
            &[guarded_asks, |w, role| calls(w, role, Outcome::Success)],
        ),
        count_call_well,
    )),
    by_handle(counts(
        steps(
            op("guarded call, failing", FAILING, |w, _| {
                called(guarded(w, |h| h.call(|| Err::<(), _>(()))))
            }),
            &[guarded_asks, |w, role| calls(w, role, Outcome::Failure)],
        ),
        count_call_failing,
    )),
    by_handle(op("guarded.reset", REMOVAL, |w, _| {
        guarded(w, |h| {
            h.reset();
            Answer::Nothing
        })
    })),
    by_handle(op("guarded.get_state", SNAPSHOT, |w, _| {
        guarded(w, |h| Answer::Is(h.get_state()))
    })),
    by_handle(drop_handle()),
];

/// Dropping a breaker that no permit and no handle holds, while its store lives on.
pub(crate) const LEAVING: &[Op] = &[op("drop the breaker", NONE, |w, _| {
    let breaker = w.breaker.take();
    drop(breaker);
    Answer::Nothing
})];

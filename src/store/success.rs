//! The short way of successes by key, under rules over a window.

use super::inner::Inner;
use crate::cell::Shortly;
use crate::clock::Clock;
use crate::key::ToKey;
use crate::rules::{Policy, Trip, is_fine};
use crate::sync::Hashed;
use crate::word::{KeyId, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

impl<K: Hash + Eq, S: BuildHasher, C: Clock> Inner<K, S, C> {
    /// Takes a report by the short way, or else by the circuit.
    #[inline(always)]
    pub(crate) fn report_shortly<Q>(
        &self,
        key: Hashed<'_, Q>,
        permit: PermitToken,
        report: Report,
        policy: &Policy,
    ) -> Reported
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        let shortly = match policy.short_trip() {
            Some(trip) if is_fine(report, policy) => self.succeed_shortly(key, permit, trip),
            _ => Shortly::Nothing,
        };
        match shortly {
            Shortly::Recorded => Reported::Recorded,
            shortly => self.report_to_circuit(key, permit, report, policy, shortly),
        }
    }

    /// Takes the short way of a success that isn't slow: by what is known of its circuit by hash,
    /// or in the window of `trip`, which is its policy's [short one](Policy::short_trip).
    #[inline(always)]
    pub(crate) fn succeed_shortly<Q>(
        &self,
        key: Hashed<'_, Q>,
        permit: PermitToken,
        trip: &Trip,
    ) -> Shortly
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        let shared = &self.shared;
        let Some(span) = trip.span else {
            return Shortly::Nothing;
        };
        // A rule by hand may force a state.
        if shared.summary.needs_checks() {
            return Shortly::Nothing;
        }
        let id = self.ids.of(key);
        match id.is_some_and(|id| shared.count_by_hash(id, permit, span)) {
            true => Shortly::Recorded,
            false => self.succeed_in_window(key, id, permit, trip),
        }
    }

    /// Counts a success in its window, if there is no more to do, and makes its circuit known by
    /// this id where it may be.
    #[inline(never)]
    fn succeed_in_window<Q>(
        &self,
        key: Hashed<'_, Q>,
        id: Option<KeyId>,
        permit: PermitToken,
        trip: &Trip,
    ) -> Shortly
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let shared = &self.shared;
        let found = self.find(key, |cell| {
            let shortly = cell.succeed_shortly(shared, permit, trip);
            if let Some(id) = id {
                match shortly {
                    Shortly::Quiet => cell.make_known(shared, id, trip),
                    Shortly::CountedAlone {
                        bucket,
                        gives: true,
                    } => cell.make_kept(shared, id, trip, bucket),
                    _ => {}
                }
            }
            Ok(match shortly {
                Shortly::Recorded | Shortly::Quiet | Shortly::CountedAlone { .. } => {
                    cell.mark_used(shared);
                    Shortly::Recorded
                }
                unfinished => unfinished,
            })
        });
        found.unwrap_or(Shortly::Nothing)
    }
}

//! Every kind of packed word, against plain numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|numbers: Vec<u64>| breakerbox::__fuzzing::check_words(&numbers));

//! All targets of the fuzzer, each a reader of strangers' bytes with what must hold of it. The same
//! run here as property tests. Never part of the program.

use crate::{config, directory, domain, mail, milter, postfix, spool};

/// One reader, and what is tried on it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, for the fuzzer.
    pub name: &'static str,
    /// Tries one input; panics where something does not hold.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Lists targets, and makes two tests of each.
macro_rules! targets {
    ($($area:ident: $($name:ident),+;)+) => {
        /// All of them.
        pub const ALL: &[Target] = &[$($(Target {
            name: stringify!($name),
            run: $area::targets::$name,
            seeds: $area::targets::seeds::$name,
        },)+)+];

        #[cfg(test)]
        mod tests {
            $($(mod $name {
                use proptest::prelude::*;

                use crate::targets::{changed, named};

                #[test]
                fn every_seed_keeps_the_promise() {
                    let target = named(stringify!($name));
                    (target.seeds)().iter().for_each(|seed| (target.run)(seed));
                }

                proptest! {
                    #[test]
                    fn any_bytes_keep_the_promise(input in prop::collection::vec(any::<u8>(), 0..600)) {
                        (named(stringify!($name)).run)(&input);
                    }

                    #[test]
                    fn any_change_to_a_seed_keeps_the_promise(
                        at: prop::sample::Index,
                        changes in prop::collection::vec(any::<(u8, u16, u8)>(), 1..12),
                    ) {
                        let target = named(stringify!($name));
                        (target.run)(&changed(at.get::<Vec<u8>>(&(target.seeds)()), &changes));
                    }
                }
            })+)+
        }
    };
}

targets! {
    domain: queue_id, address, folding, patterns;
    mail: header_fields, authors_of, from_fields_of, outline_of;
    directory: ldap_filter, generalized_time, ldap_url;
    postfix: queue_file, queue_content, postsuper_output, log_lines;
    spool: spool_segment, spool_damage, spool_facts;
    milter: milter_packets;
    config: configuration, values;
}

#[cfg(test)]
fn named(name: &str) -> Target {
    let found = ALL.iter().find(|target| target.name == name);
    *found.unwrap()
}

/// A seed with some of its bytes replaced, removed, added or repeated.
#[cfg(test)]
fn changed(seed: &[u8], changes: &[(u8, u16, u8)]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for (kind, at, byte) in changes {
        let at = usize::from(*at) % (bytes.len() + 1);
        let here = at..at.saturating_add(usize::from(*byte)).min(bytes.len());
        match kind % 5 {
            0 => bytes.insert(at, *byte),
            1 => bytes.truncate(at.max(1)),
            2 => drop(bytes.drain(here)),
            3 => {
                let again = bytes.get(here).unwrap_or_default().to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                if let Some(there) = bytes.get_mut(at) {
                    *there = *byte;
                }
            }
        }
    }
    bytes
}

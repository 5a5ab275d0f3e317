//! Strangers' bytes as a configuration file: settings, or faults with their place. Run as property
//! tests and by the fuzzer (docs/testing.md); never part of the program.

use super::{
    ConfigFile, Faults, audit, desk, roles,
    value::{duration, mode, size},
};

/// The configuration: every process gets its settings or is told where the faults are.
pub fn configuration(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let n_lines = text.lines().count().max(1);
    let file = match ConfigFile::parse("mailhold.toml", &text) {
        Ok(file) => file,
        Err(faults) => return are_placed(&faults, n_lines),
    };
    let all = [
        roles::milter(&file).err(),
        roles::worker(&file).err(),
        roles::explain(&file).err(),
        roles::reviews(&file).err(),
        roles::migrate(&file).err(),
        audit::key(&file).err(),
        desk::web(&file).err(),
        desk::outline(&file).err(),
        roles::instances(&file).err(),
    ];
    for faults in all.into_iter().flatten() {
        are_placed(&faults, n_lines);
    }
    // The faults of one reading are not those of the next.
    let [first, second] = [(); 2].map(|()| roles::milter(&file).err().map(|faults| faults.faults));
    assert_eq!(first, second);
}

fn are_placed(faults: &Faults, n_lines: usize) {
    assert!(!faults.faults.is_empty());
    for fault in &faults.faults {
        assert!(!fault.problem.is_empty());
        assert!(fault.line.is_some() || !fault.key.is_empty(), "{fault:?}");
        // A text that ends early is at fault behind its last line.
        assert!(
            fault
                .line
                .is_none_or(|line| (1..=n_lines + 1).contains(&line)),
            "{fault:?}"
        );
    }
    assert!(faults.to_string().contains("mailhold.toml:"));
}

/// Values with units: what was read says the same when it is written plainly.
pub fn values(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match size(&text) {
        Ok(bytes) => assert_eq!(size(&format!("{bytes} B")), Ok(bytes)),
        Err(problem) => assert!(problem.contains(&format!("{text:?}")), "{problem}"),
    }
    if let Ok(read) = duration(&text) {
        assert!(read.as_secs() <= 366 * 24 * 60 * 60, "{text:?}");
        let plainly = format!("{}s {}ns", read.as_secs(), read.subsec_nanos());
        assert_eq!(duration(&plainly), Ok(read));
    }
    if let Ok(bits) = mode(&text) {
        assert!(bits <= 0o777, "{text:?}");
        assert_eq!(mode(&format!("{bits:04o}")), Ok(bits));
    }
}

/// Inputs to begin with, for each target above.
pub mod seeds {
    use crate::domain::targets::seeds::texts;

    /// The sample file, and small files with faults.
    pub fn configuration() -> Vec<Vec<u8>> {
        texts(&[
            include_str!("../../config/mailhold.toml"),
            "[worker]\nleese = \"1m\"\nbatch = 0\n[[milter.listen]]\nsocket = \"inet:0\"\n",
            "[directory]\nbackend = \"table\"\n[directory.table]\nfile = \"x\"\n[policy]\nmode = \"observe\"\n[[policy.rule]]\nname = \"a\"\n",
            "[directory.ldap]\nservers = [\"ldap://localhost\"]\nfilter = \"(mail={address})\"\n",
        ])
    }

    /// Durations, sizes and modes.
    pub fn values() -> Vec<Vec<u8>> {
        texts(&["250ms", "2h 3m", "1year", "64 KiB", "2GiB", "0660"])
    }
}

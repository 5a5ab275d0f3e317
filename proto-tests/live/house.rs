//! The lab's desk with a copy of its Postfix settings, for `mailhold check` to look at. No Postfix
//! runs with the copy: `postconf` reads it, and whatever is changed there disturbs nobody.

use std::{fs, path::PathBuf, process::Output};

use serde_json::Value;

use crate::lab::{
    Lab,
    place::{make_old, random_text},
    program::{Program, text},
    role,
    settings::Settings,
    sudo_view,
    user::User,
};

/// What makes all checks of the lab's Postfix say ok, and its services those of a real house.
const MENDED: &str = "smtpd_forbid_bare_newline = normalize\n\
                      inet_interfaces = all\n";

/// A host as `mailhold check` finds it.
pub struct House<'a> {
    /// The lab with its servers.
    pub lab: &'a Lab,
    /// The settings of mailhold.
    pub settings: Settings,
    /// The copy of `main.cf` and `master.cf`.
    pub config_directory: PathBuf,
    name: String,
}

/// What a check printed with `--json`.
pub struct Seen {
    /// The exit code.
    pub code: Option<i32>,
    /// One object per line.
    pub findings: Vec<Value>,
}

impl<'a> House<'a> {
    /// One in which all is well.
    pub async fn new(lab: &'a Lab) -> Self {
        let name = format!("house-{}", &random_text()[..8]);
        // Somebody is flagged.
        lab.person(&["Y"]).await;
        let place = &lab.tools.place;
        let directory = format!("{name}/config");
        place.directory(&name, User::ROOT, 0o755);
        let config_directory = place.directory(&directory, User::ROOT, 0o755);
        let original = &lab.postfix.config_directory;
        let main = fs::read_to_string(original.join("main.cf")).unwrap();
        let main = main.replace("inet_interfaces = loopback-only\n", "");
        fs::write(config_directory.join("main.cf"), main + MENDED).unwrap();
        let master = fs::read_to_string(original.join("master.cf")).unwrap();
        // The lab's own ways past the milter come last in it.
        let plain = lab.postfix.plain_smtp.to_string();
        let end = master.find(&plain).unwrap();
        fs::write(config_directory.join("master.cf"), &master[..end]).unwrap();
        let mut settings = lab.desk().await.settings.clone();
        let path = config_directory.display().to_string();
        settings.set("postfix.config_directory", path);
        Self {
            lab,
            settings,
            config_directory,
            name,
        }
    }

    /// Adds lines to `main.cf`; a parameter that is there already is replaced.
    pub fn main_cf(&self, lines: &str) -> &Self {
        let path = self.config_directory.join("main.cf");
        let text = fs::read_to_string(&path).unwrap();
        let names: Vec<_> = lines.lines().filter_map(parameter).collect();
        let mut is_kept = true;
        let mut kept = String::new();
        for line in text.lines() {
            if let Some(name) = parameter(line) {
                is_kept = !names.contains(&name);
            }
            if is_kept {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        fs::write(&path, kept).unwrap();
        self.add("main.cf", lines)
    }

    /// Adds services to `master.cf`.
    pub fn master_cf(&self, lines: &str) -> &Self {
        self.add("master.cf", lines)
    }

    fn add(&self, file: &str, lines: &str) -> &Self {
        let path = self.config_directory.join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{lines}\n")).unwrap();
        make_old(&path);
        self
    }

    /// Replaces words in `main.cf`.
    pub fn main_cf_with(&self, words: &str, instead: &str) -> &Self {
        self.replace("main.cf", words, instead)
    }

    /// Replaces words in `master.cf`.
    pub fn master_cf_with(&self, words: &str, instead: &str) -> &Self {
        self.replace("master.cf", words, instead)
    }

    fn replace(&self, file: &str, words: &str, instead: &str) -> &Self {
        let path = self.config_directory.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(words), "no {words:?} in {text}");
        fs::write(&path, text.replace(words, instead)).unwrap();
        self
    }

    /// A `postconf` whose output goes through `sed` with this script.
    pub fn other_postconf(&mut self, script: &str) {
        let directory = format!("{}/commands", self.name);
        let place = &self.lab.tools.place;
        let commands = place.directory(&directory, User::ROOT, 0o755);
        place.file(
            &format!("{directory}/postconf"),
            User::ROOT,
            0o755,
            format!("#!/bin/sh\n/usr/sbin/postconf \"$@\" | /usr/bin/sed '{script}'\n"),
        );
        let commands = commands.display().to_string();
        self.settings.set("postfix.command_directory", commands);
    }

    /// A directory of this house.
    pub fn directory(&self, name: &str, owner: User, mode: u32) -> PathBuf {
        let path = format!("{}/{name}", self.name);
        self.lab.tools.place.directory(&path, owner, mode)
    }

    /// `mailhold check` with these options, run by root.
    pub fn command(&self, options: &[&str]) -> Program {
        let place = &self.lab.tools.place;
        let file = self.settings.write(place, &format!("{}.toml", self.name));
        let mailhold = self.lab.tools.mailhold("check");
        role::program(mailhold, &file, "check").arguments(options)
    }

    /// The same where the shipped sudo lines are in `/etc`, made for this copy.
    pub fn with_sudo(&self, program: Program) -> Program {
        let place = &self.lab.tools.place;
        sudo_view::make(place, &self.name, &self.config_directory);
        let etc = place.path().join(&self.name).join("etc");
        sudo_view::with_view(program, &etc).user(User::ROOT)
    }

    /// What all live checks say.
    pub async fn check(&self) -> Seen {
        Seen::of(&self.command(&["--live", "--json"]).output(b"").await)
    }

    /// The exit code where the sudo lines are in order, so that nothing else fails; `None` where that
    /// cannot be tried.
    pub async fn exit_code(&self) -> Option<i32> {
        if !sudo_view::is_possible().await {
            eprintln!("no private mounts here, so sudo is a fault of its own");
            return None;
        }
        let program = self.with_sudo(self.command(&["--live", "--json"]));
        Seen::of(&program.output(b"").await).code
    }

    /// What one check says where it fails: its outcome, with the cure in it.
    pub async fn failing(&self, check: &str, words: &[&str]) -> Seen {
        let seen = self.check().await;
        seen.says(check, "fail", words);
        seen
    }
}

/// The name that a line of `main.cf` sets; none for comments and continued lines.
fn parameter(line: &str) -> Option<&str> {
    let begins = line.starts_with(|sign: char| sign.is_ascii_alphabetic());
    let (name, _) = line.split_once('=').filter(|_| begins)?;
    Some(name.trim())
}

impl Seen {
    /// Reads what was printed.
    pub fn of(output: &Output) -> Self {
        let out = text(&output.stdout);
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let findings: Vec<Value> = out.lines().map(parse).collect();
        assert!(!findings.is_empty(), "{output:?}");
        Self {
            code: output.status.code(),
            findings,
        }
    }

    /// All answers of one check.
    pub fn named(&self, check: &str) -> Vec<&Value> {
        let findings = self.findings.iter();
        let found: Vec<_> = findings.filter(|one| one["name"] == check).collect();
        assert!(!found.is_empty(), "no {check} in {:#?}", self.findings);
        found
    }

    /// One answer of a check has this outcome and all of these words, and a cure unless it is ok.
    pub fn says(&self, check: &str, outcome: &str, words: &[&str]) {
        let answers = self.named(check);
        let fits = |one: &&&Value| {
            let line = one.to_string();
            one["outcome"] == outcome && words.iter().all(|word| line.contains(word))
        };
        let found = answers.iter().find(fits);
        let found = found.unwrap_or_else(|| panic!("not {outcome} {words:?}: {answers:#?}"));
        assert_eq!(found["cure"].is_null(), outcome == "ok", "{found}");
    }
}

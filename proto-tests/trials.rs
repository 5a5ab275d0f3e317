//! Runs async tests against one lab, which the first of them starts. Never runs an exclusive test
//! beside another one.

use std::{
    env,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt;
use libtest_mimic::{Arguments, Failed, Trial};
use nix::unistd::geteuid;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::{OnceCell, RwLock},
};

use crate::lab::{Lab, Tools};

/// Tests mostly wait for servers: more of them than cores pay.
const THREADS: usize = 4;
/// Set to anything: tells how long the lab took to start.
const TIMES: &str = "MAILHOLD_LAB_TIMES";

/// What all tests of a run share.
pub struct Trials {
    runtime: Runtime,
    tools: Mutex<Option<Tools>>,
    lab: OnceCell<Result<Lab, String>>,
    /// Taken for reading by an ordinary test, for writing by an exclusive one.
    turn: RwLock<()>,
}

impl Trials {
    /// Prepares a run; nothing is started yet.
    pub fn new() -> Arc<Self> {
        let runtime = Runtime::new().unwrap();
        let (tools, lab, turn) = (Mutex::default(), OnceCell::new(), RwLock::new(()));
        let trials = Arc::new(Self {
            runtime,
            tools,
            lab,
            turn,
        });
        trials.runtime.spawn(end_on_signal(trials.clone()));
        trials
    }

    /// A test against the lab that can run beside others.
    pub fn shared(
        self: &Arc<Self>,
        name: &str,
        test: impl AsyncFnOnce(&Lab) + Send + 'static,
    ) -> Trial {
        let trials = self.clone();
        Trial::test(plain(name), move || {
            trials.runtime.block_on(async {
                let lab = trials.lab().await?;
                let _turn = trials.turn.read().await;
                test(lab).await;
                Ok(())
            })
        })
    }

    /// A test that stops servers or measures: no other test against the lab runs meanwhile.
    pub fn exclusive(
        self: &Arc<Self>,
        name: &str,
        test: impl AsyncFnOnce(&Lab) + Send + 'static,
    ) -> Trial {
        let trials = self.clone();
        let trial = Trial::test(plain(name), move || {
            trials.runtime.block_on(async {
                let lab = trials.lab().await?;
                let _turn = trials.turn.write().await;
                test(lab).await;
                Ok(())
            })
        });
        trial.with_kind(EXCLUSIVE)
    }

    /// A test that needs no lab.
    pub fn alone(self: &Arc<Self>, name: &str, test: impl AsyncFnOnce() + Send + 'static) -> Trial {
        let trials = self.clone();
        Trial::test(plain(name), move || {
            trials.runtime.block_on(test());
            Ok(())
        })
    }

    /// Runs the tests that the command line selects and ends the lab.
    pub fn run(&self, mut tests: Vec<Trial>) -> std::process::ExitCode {
        let mut arguments = Arguments::from_args();
        arguments.test_threads.get_or_insert(THREADS);
        tests.sort_by_key(|test| test.kind() == EXCLUSIVE);
        let conclusion = libtest_mimic::run(&arguments, tests);
        self.end();
        conclusion.exit_code()
    }

    async fn lab(&self) -> Result<&Lab, Failed> {
        let lab = self.lab.get_or_init(|| async {
            if !geteuid().is_root() {
                return Err("the lab needs root, for Postfix's master: use sudo".to_owned());
            }
            let tools = Tools::make();
            *self.tools.lock().unwrap() = Some(tools.clone());
            // Its panic is this run's answer to all tests, with its text on the screen once.
            let lab = AssertUnwindSafe(Lab::start(tools)).catch_unwind().await;
            lab.map_err(|_| "the lab did not start".to_owned())
        });
        let lab = lab
            .await
            .as_ref()
            .map_err(|error| Failed::from(error.clone()))?;
        Ok(lab)
    }

    /// Ends all programs of the lab and removes its directory.
    fn end(&self) {
        let tools = self.tools.lock().unwrap().take();
        let Some(tools) = tools else {
            return;
        };
        if let (Some(_), Some(Ok(lab))) = (env::var_os(TIMES), self.lab.get()) {
            let time = |(what, time): &(&str, Duration)| format!("{what} {} ms", time.as_millis());
            let times: Vec<_> = lab.start_times.iter().map(time).collect();
            eprintln!("lab ready: {}", times.join(", "));
        }
        tools.end();
    }
}

const EXCLUSIVE: &str = "exclusive";

/// Lists tests by their names: `tests![trials.shared: one, other]`.
macro_rules! tests {
    ($trials:ident.$kind:ident: $($test:ident),+ $(,)?) => {
        vec![$($trials.$kind(concat!(module_path!(), "::", stringify!($test)), $test)),+]
    };
}
pub(crate) use tests;

/// The name without the test program's own.
fn plain(name: &str) -> &str {
    name.split_once("::").map_or(name, |(_, rest)| rest)
}

async fn end_on_signal(trials: Arc<Trials>) {
    let mut interrupt = signal(SignalKind::interrupt()).unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    trials.end();
    std::process::exit(130);
}

//! A browser that tests look at pages with: Debian's Chromium without a window, steered through its
//! driver. Never reaches anything but loopback, and has a profile of its own.

mod axe;
mod driver;
mod record;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    error::{CmdError, ErrorStatus},
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::driver::Driver;
pub use self::{
    axe::Finding,
    record::{Complaint, Request},
};
use super::{
    Tools,
    eventually::{eventually, eventually_true},
    place::random_text,
    user::User,
};

const CHROMIUM: &str = "/usr/bin/chromium";
/// Each takes some hundred MiB.
static SEATS: Semaphore = Semaphore::const_new(2);
/// How long an element may take to appear.
pub const BOUND: Duration = Duration::from_secs(20);

/// What the browser is like. The default is wide, light, runs scripts and checks certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The width of the page in CSS pixels; from 320 on.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// What `prefers-color-scheme` says.
    pub scheme: Scheme,
    /// Whether pages run scripts.
    pub scripts: Scripts,
    /// Which certificates are taken.
    pub certificates: Certificates,
}

/// A colour scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

/// Whether scripts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    On,
    Off,
}

/// Which certificates are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificates {
    Checked,
    Any,
}

impl Default for View {
    fn default() -> Self {
        Self {
            width: 1_280,
            height: 900,
            scheme: Scheme::Light,
            scripts: Scripts::On,
            certificates: Certificates::Checked,
        }
    }
}

impl View {
    /// The narrowest page that must work (WCAG 1.4.10).
    pub fn narrow() -> Self {
        Self {
            width: 320,
            height: 640,
            ..Self::default()
        }
    }
}

/// How often a browser is started until that is a fault.
const TRIES: usize = 3;

/// A running browser with one page.
pub struct Browser {
    /// Steers the page: `goto`, `find`, `execute`, `perform_actions`.
    pub client: Client,
    driver: Driver,
    home: PathBuf,
    _seat: SemaphorePermit<'static>,
}

impl Browser {
    /// Starts one as soon as there is a seat.
    pub async fn start(tools: &Tools, view: &View) -> Self {
        let seat = SEATS.acquire().await.unwrap();
        let mut failures = Vec::new();
        // On a machine that is busy to the last, ChromeDriver may give up its first session.
        while failures.len() < TRIES {
            let name = format!("browser-{}", &random_text()[..8]);
            let home = tools.place.directory(&name, User::ROOT, 0o700);
            let mut driver = Driver::start(tools, &name, &home).await;
            let session = ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities(&home, view))
                .connect(&driver.url())
                .await;
            let client = match session {
                Ok(client) => client,
                Err(failure) => {
                    failures.push(failure);
                    continue;
                }
            };
            driver.session = client.session_id().await.unwrap().unwrap();
            let browser = Self {
                client,
                driver,
                home,
                _seat: seat,
            };
            browser.look(view).await;
            return browser;
        }
        panic!("Chromium does not start: {failures:?}");
    }

    /// Makes the same page look otherwise; certificates stay as they were.
    pub async fn look(&self, view: &View) {
        let size = json!({
            "width": view.width, "height": view.height, "deviceScaleFactor": 1, "mobile": false
        });
        self.command("Emulation.setDeviceMetricsOverride", &size)
            .await;
        let scheme = match view.scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.command(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        )
        .await;
        let is_off = view.scripts == Scripts::Off;
        self.command(
            "Emulation.setScriptExecutionDisabled",
            &json!({ "value": is_off }),
        )
        .await;
    }

    /// Opens a page and waits until it is loaded, and whatever can be done with it counts.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
        self.calm().await;
    }

    /// Waits until no button is off any more, as for a moment after a message is there.
    pub async fn calm(&self) {
        let is_off = "document.querySelector('.verbs [aria-disabled=true]') !== null";
        eventually_true("the buttons are on", BOUND, async || {
            self.value(is_off).await == false
        })
        .await;
    }

    /// The text of an element as it is seen, once it is there.
    pub async fn text(&self, css: &str) -> String {
        eventually(&format!("the page has {css}"), BOUND, async || {
            // One that is found may be of the page that is just left.
            self.client.find(Locator::Css(css)).await?.text().await
        })
        .await
    }

    /// Waits until an element is there that reads so: one of the page before may still be seen.
    pub async fn reads(&self, css: &str, words: &str) {
        eventually(&format!("{css} reads {words}"), BOUND, async || {
            let found = self.client.find(Locator::Css(css)).await;
            match found.map_err(|error| error.to_string())?.text().await {
                Ok(text) if text == words => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// Clicks an element that is there.
    pub async fn click(&self, css: &str) {
        let found = self.client.find(Locator::Css(css)).await;
        match found.unwrap().click().await {
            Ok(()) => {}
            // What it has led to is there before the driver looks after it.
            Err(CmdError::Standard(fault)) if fault.error == ErrorStatus::StaleElementReference => {
            }
            Err(fault) => panic!("{css}: {fault}"),
        }
    }

    /// The value of an expression in the page; also where the page's own scripts are off.
    pub async fn value(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.client.execute(&script, Vec::new()).await.unwrap()
    }

    /// A command of the DevTools protocol, for what WebDriver cannot do.
    pub async fn command(&self, name: &str, parameters: &Value) -> Value {
        let command = json!({ "cmd": name, "params": parameters });
        self.driver.post("goog/cdp/execute", &command).await
    }

    /// All that was asked for since the last look, by the page and every frame in it, whether it was
    /// answered or not; without what is in the page itself (`data:` and the like).
    pub async fn requests(&self) -> Vec<Request> {
        record::requests(&self.driver.log("performance").await)
    }

    /// What the browser complained about since the last look: errors, and what a policy forbade.
    pub async fn complaints(&self) -> Vec<Complaint> {
        record::complaints(&self.driver.log("browser").await)
    }

    /// What axe finds wrong with the page as it stands.
    pub async fn axe(&self) -> Vec<Finding> {
        axe::findings(&self.client).await
    }

    /// Puts a picture of the page where it can be looked at.
    pub async fn picture(&self, file: &Path) {
        self.calm().await;
        fs::write(file, self.client.screenshot().await.unwrap()).unwrap();
    }

    /// Where its profile is.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Ends it in good order; it ends when it is dropped, too.
    pub async fn end(self) {
        self.client.close().await.ok();
        self.driver.end();
    }
}

fn capabilities(home: &Path, view: &View) -> Map<String, Value> {
    let user = format!("--user-data-dir={}", home.join("profile").display());
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-breakpad",
        // A frame in a process of its own is missing in the record of requests.
        "--disable-features=IsolateSandboxedIframes",
        "--disable-site-isolation-trials",
        // No name is asked of anybody, whatever a page wants.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        &user,
    ];
    let capabilities = json!({
        "browserName": "chrome",
        "acceptInsecureCerts": view.certificates == Certificates::Any,
        "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
        "goog:chromeOptions": {
            "binary": CHROMIUM,
            "args": arguments,
            "perfLoggingPrefs": { "enableNetwork": true },
        },
    });
    capabilities.as_object().unwrap().clone()
}

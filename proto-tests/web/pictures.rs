//! Pictures of the desk for docs/images, made anew from the demo's mails: `proto-tests pictures DIRECTORY`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use fantoccini::Locator;
use tokio::runtime::Runtime;

use super::house::House;
use crate::{
    demo::mails,
    lab::{
        Lab, Tools,
        browser::{Browser, Scheme, View},
        eventually::eventually,
        smtp,
    },
};

const ANNA: &str = "anna@corp.test";

/// Makes all pictures.
pub fn command(words: &[String]) -> ExitCode {
    let [directory] = words else {
        eprintln!("usage: proto-tests pictures DIRECTORY");
        return ExitCode::from(64);
    };
    let runtime = Runtime::new().unwrap();
    let tools = Tools::make();
    runtime.block_on(make(tools.clone(), &PathBuf::from(directory)));
    tools.end();
    ExitCode::SUCCESS
}

async fn make(tools: Tools, directory: &Path) {
    let lab = Lab::start(tools).await;
    let house = House::shared(&lab).await;
    lab.slapd.add_person("anna", &[ANNA], &["Y"]).await;
    for mail in mails::all(ANNA) {
        let sent = smtp::send(house.postfix.smtp, ANNA, mail.recipients, &mail.content);
        sent.await.ok();
    }
    let sql = "select count(*) from capture c left join outline o using (capture_id)
        where c.state <> 'held' or o.capture_id is null";
    eventually("all can be read", super::house::OUTLINE_BOUND, async || {
        let waiting = house.desk.database.execute(sql).await;
        if waiting.trim() == "0" {
            Ok(())
        } else {
            Err(waiting)
        }
    })
    .await;
    let wide = View {
        width: 1_360,
        height: 860,
        ..View::default()
    };
    let browser = house.browser(&lab, wide.clone()).await;
    browser.open(&format!("{}/sign-in", house.secure.url)).await;
    browser.picture(&directory.join("sign-in.png")).await;
    house.sign_in(&browser, &house.rita, "/inbox").await;
    open(&browser, "御見積書").await;
    browser.picture(&directory.join("inbox.png")).await;
    open(&browser, "Minutes").await;
    browser.picture(&directory.join("doubtful.png")).await;
    open(&browser, "account will be closed").await;
    tab(&browser, "html").await;
    browser.picture(&directory.join("phish.png")).await;
    open(&browser, "Drawings").await;
    tab(&browser, "structure").await;
    browser.picture(&directory.join("structure.png")).await;
    narrow(house, &browser).await;
    browser.picture(&directory.join("narrow.png")).await;
    browser.end().await;
    let browser = house.browser(&lab, wide).await;
    house.sign_in(&browser, &house.otto, "/log").await;
    browser.picture(&directory.join("log.png")).await;
    browser.end().await;
}

/// A narrow screen in the dark, in Chinese.
async fn narrow(house: &House, browser: &Browser) {
    let view = View {
        scheme: Scheme::Dark,
        ..View::narrow()
    };
    browser.look(&view).await;
    browser
        .open(&format!("{}/preferences", house.secure.url))
        .await;
    let select = browser
        .client
        .find(Locator::Css("#language"))
        .await
        .unwrap();
    select.select_by_value("zh-Hant-TW").await.unwrap();
    browser.click("main form button.main").await;
    browser.open(&format!("{}/inbox", house.secure.url)).await;
    open(browser, "合約").await;
}

async fn open(browser: &Browser, subject: &str) {
    let line = format!("//ol[@class='lines']//a[contains(., '{subject}')]");
    let link = browser.client.find(Locator::XPath(&line)).await.unwrap();
    let path = link.attr("href").await.unwrap().unwrap();
    let here = browser.client.current_url().await.unwrap();
    browser.open(here.join(&path).unwrap().as_str()).await;
    browser.text("#pane-heading").await;
}

async fn tab(browser: &Browser, name: &str) {
    let css = format!(".tabs a[href$='tab={name}']");
    browser.click(&css).await;
    browser.text(".tabs [aria-current]").await;
}

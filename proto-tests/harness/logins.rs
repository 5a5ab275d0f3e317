//! The submission service of the private Postfix: Cyrus SASL, and what the milter is told of a login.

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::{
    lab::{
        Lab, Person,
        desk::{Desk, HOUSE},
        postfix::Postfix,
        smtp::{Reply, Smtp, small_mail},
    },
    policy::house::House,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_login_with_its_password_reaches_the_milter,
        the_milter_is_told_a_login_as_the_client_spelt_it,
        the_milter_is_told_a_login_with_the_local_domain_of_postfix,
        a_wrong_password_is_refused,
        nobody_submits_without_a_login,
    ]
}

async fn submit(smtp: &mut Smtp, sender: &Person) -> Reply {
    let content = small_mail(&sender.address, "bob@elsewhere.test", "submitted");
    smtp.send(&sender.address, &["bob@elsewhere.test"], &content)
        .await
}

/// What the milter is told when somebody logs in as `login`.
async fn told(postfix: &Postfix, desk: &Desk, login: [&str; 2], flagged: &Person) -> String {
    let [login, password] = login;
    let mut smtp = Smtp::connect(postfix.submission).await;
    smtp.authenticate(login, password).await.ok();
    let id = submit(&mut smtp, flagged).await.ok().queue_id();
    desk.held(&id).await["login"].as_str().unwrap().to_owned()
}

async fn a_login_with_its_password_reaches_the_milter(lab: &Lab) {
    let desk = lab.desk().await;
    let flagged = lab.person(&["Y"]).await;
    let password = lab.postfix.add_login(&flagged.login).await;
    let login = [flagged.login.as_str(), &password];
    let told = told(&lab.postfix, desk, login, &flagged).await;
    assert_eq!(told, flagged.login);
}

async fn the_milter_is_told_a_login_as_the_client_spelt_it(lab: &Lab) {
    let desk = lab.desk().await;
    let flagged = lab.person(&["Y"]).await;
    let password = lab.postfix.add_login(&flagged.login).await;
    // The same account: the realm is Postfix's own name, `myhostname`.
    let login = format!("{}@mail.corp.test", flagged.login);
    let told = told(&lab.postfix, desk, [&login, &password], &flagged).await;
    assert_eq!(told, login);
}

async fn the_milter_is_told_a_login_with_the_local_domain_of_postfix(lab: &Lab) {
    let house = House::start(lab, "realmed", |_| {}).await;
    let local_domain = format!("smtpd_sasl_local_domain={HOUSE}");
    house.postfix.set(&[&local_domain]).await;
    let flagged = house.person(&["Y"]).await;
    let full = format!("{}@{HOUSE}", flagged.login);
    let password = house.postfix.add_login(&full).await;
    for spelling in [&flagged.login, &full] {
        let login = [spelling, password.as_str()];
        let told = told(&house.postfix, &house.desk, login, &flagged).await;
        assert_eq!(told, full);
    }
}

async fn a_wrong_password_is_refused(lab: &Lab) {
    // Without its milter Postfix refuses everything for now.
    lab.desk().await;
    let (person, unknown) = (lab.person(&["N"]).await, lab.person(&["N"]).await);
    let password = lab.postfix.add_login(&person.login).await;
    for (login, password) in [(&person.login, &password[1..]), (&unknown.login, &password)] {
        let mut smtp = Smtp::connect(lab.postfix.submission).await;
        let reply = smtp.authenticate(login, password).await;
        assert_eq!(reply.code, 535, "{reply:?}");
        assert_eq!(submit(&mut smtp, &person).await.code, 554);
    }
}

async fn nobody_submits_without_a_login(lab: &Lab) {
    lab.desk().await;
    let person = lab.person(&["N"]).await;
    let mut smtp = Smtp::connect(lab.postfix.submission).await;
    assert_eq!(submit(&mut smtp, &person).await.code, 554);
}

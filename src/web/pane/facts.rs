//! Who sent the message, to whom, and why it is held.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::{DateTime, Utc};

use super::{Fact, Known};
use crate::{
    domain::{envelope::Path, query::is_waiting},
    store::{
        added::AddedRecipient,
        outlines::{Mailbox, Standing},
    },
    web::{
        address_book::House,
        clock::{self, Due},
        view::Value,
        words::Words,
    },
};

/// More recipients than these are folded away behind a count by domain.
const RECIPIENTS_SHOWN: usize = 20;

/// More mailboxes of From are not shown; the outline has them for the rights.
const AUTHORS_SHOWN: usize = 1_000;

/// All facts in the order in which they are read.
pub fn of(words: &Words, known: &Known<'_>, now: DateTime<Utc>) -> Vec<Fact> {
    let mut facts = header_facts(words, known);
    facts.push(envelope_sender(words, known));
    facts.push(recipients(words, known));
    facts.extend(added(words, known));
    facts.push(held_because(words, known));
    facts.push(captured(words, known, now));
    facts
}

fn fact(name: String, values: Vec<Value>) -> Fact {
    Fact {
        name,
        values,
        more_name: String::new(),
        more: Vec::new(),
    }
}

fn header_facts(words: &Words, known: &Known<'_>) -> Vec<Fact> {
    let Standing::Made(outline) = known.outline else {
        let from = known.review.header.from.as_deref();
        let from = from.map(|from| fact(words.say("fact-from"), vec![Value::text(from)]));
        return from.into_iter().collect();
    };
    let from = outline.from.get(..AUTHORS_SHOWN).unwrap_or(&outline.from);
    let fields = [
        ("fact-from", from),
        ("fact-sender", outline.sender.as_slice()),
        ("fact-reply-to", &outline.reply_to),
        ("fact-to", &outline.to),
    ];
    let fields = fields.into_iter().filter(|(_, list)| !list.is_empty());
    fields
        .map(|(name, list)| {
            let mut values: Vec<Value> = list.iter().map(|mailbox| shown(words, mailbox)).collect();
            let more = values.split_off(values.len().min(RECIPIENTS_SHOWN));
            Fact {
                name: words.say(name),
                values,
                more_name: words.count("more", u64::try_from(more.len()).unwrap_or_default()),
                more,
            }
        })
        .collect()
}

fn shown(words: &Words, mailbox: &Mailbox) -> Value {
    let text = match mailbox.name.as_str() {
        "" => mailbox.address.clone(),
        name => format!("{name} <{}>", mailbox.address),
    };
    let value = Value::text(&text);
    match &mailbox.ascii {
        Some(ascii) => value.marked("warn", words.say_of("written-as", ascii)),
        None => value,
    }
}

fn envelope_sender(words: &Words, known: &Known<'_>) -> Fact {
    let capture = &known.review.capture;
    let mut values = vec![Value::text(&capture.envelope.sender.to_display())];
    if let Some(login) = &capture.client.login {
        let login = String::from_utf8_lossy(login);
        values.push(Value::text(&words.say_of("signed-in-as", login)));
    }
    fact(words.say("fact-envelope-sender"), values)
}

fn recipients(words: &Words, known: &Known<'_>) -> Fact {
    let paths = &known.review.capture.envelope.recipients;
    let value = |path: &Path| {
        let value = Value::text(&path.to_display());
        marked(words, value, known.house.is_internal(path))
    };
    let values: Vec<Value> = paths.iter().map(value).collect();
    let count = u64::try_from(paths.len()).unwrap_or_default();
    let name = words.count("fact-recipients", count);
    if values.len() <= RECIPIENTS_SHOWN {
        return fact(name, values);
    }
    Fact {
        name,
        values: domains(words, known.house, paths),
        more_name: words.count("all-recipients", count),
        more: values,
    }
}

/// How many recipients each domain has, those outside of the house first.
fn domains(words: &Words, house: &House, paths: &[Path]) -> Vec<Value> {
    let mut counted: BTreeMap<(bool, String), u64> = BTreeMap::new();
    for path in paths {
        let address = path.to_display();
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        let key = (house.is_internal(path), domain.to_lowercase());
        *counted.entry(key).or_default() += 1;
    }
    let mut counted: Vec<_> = counted.into_iter().collect();
    counted.sort_by_key(|((is_internal, _), n)| (*is_internal, Reverse(*n)));
    let n_more = counted.len().saturating_sub(RECIPIENTS_SHOWN);
    let shown = counted.iter().take(RECIPIENTS_SHOWN);
    let mut values: Vec<Value> = shown
        .map(|((is_internal, domain), n)| {
            let value = Value::text(&format!("{domain} × {n}"));
            marked(words, value, *is_internal)
        })
        .collect();
    if n_more > 0 {
        let n_more = u64::try_from(n_more).unwrap_or_default();
        values.push(Value::text(&words.count("more-domains", n_more)));
    }
    values
}

fn marked(words: &Words, value: Value, is_internal: bool) -> Value {
    match is_internal {
        true => value,
        false => value.marked("external", words.say("mark-external")),
    }
}

/// What Postfix added to the recipients: nobody named them.
fn added(words: &Words, known: &Known<'_>) -> Option<Fact> {
    let added = &known.review.added;
    let value = |one: &AddedRecipient| {
        let value = Value::text(&String::from_utf8_lossy(&one.address));
        value.marked("warn", words.say(&format!("added-{}", one.how.as_str())))
    };
    let values: Vec<Value> = added.recipients.iter().map(value).collect();
    let count = u64::try_from(added.n_in_all).unwrap_or_default();
    (!values.is_empty()).then(|| fact(words.count("fact-added", count), values))
}

fn held_because(words: &Words, known: &Known<'_>) -> Fact {
    let grounds = &known.review.capture.grounds;
    let matched = &grounds.matched;
    let values = [
        &matched.identity,
        &matched.flag,
        &matched.entry,
        &matched.recipient,
    ];
    let values = values.into_iter().filter(|text| !text.is_empty());
    let rule = Value::text(&words.say_of("held-by-rule", &grounds.rule));
    let values = [rule]
        .into_iter()
        .chain(values.map(|text| Value::text(text)));
    fact(words.say("fact-because"), values.collect())
}

fn captured(words: &Words, known: &Known<'_>, now: DateTime<Utc>) -> Fact {
    let capture = &known.review.capture;
    let age = now - capture.captured_at;
    let values = [
        clock::for_people(capture.captured_at),
        clock::age(words, age),
        super::super::sizes::shown(words, capture.size_bytes),
        format!("{} · {}", capture.queue_id, capture.instance),
    ];
    let mut values: Vec<Value> = values.iter().map(|text| Value::text(text)).collect();
    if is_waiting(known.review.state) {
        let due = Due::of(words, known.due_after, age);
        values.push(match due.is_late {
            true => Value::default().marked("bad", due.text),
            false => Value::text(&due.text),
        });
    }
    fact(words.say("fact-captured"), values)
}

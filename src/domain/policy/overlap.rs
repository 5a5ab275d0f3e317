//! What an operator should know of a list of rules before it is in force: rules that can never
//! match, and rules that meet.

use super::{Action, Policy, RecipientPattern, Rule, Schedule, ToWhom, Who};

/// Remarks on the rules of a policy, in their order. None of them is a fault.
pub fn remarks(policy: &Policy) -> Vec<String> {
    let mut remarks = Vec::new();
    for (index, rule) in policy.rules.iter().enumerate() {
        let before = policy.rules.get(..index).unwrap_or_default();
        let name = &rule.name;
        if let Some(cover) = before.iter().find(|before| covers(before, rule)) {
            let cover = &cover.name;
            remarks.push(format!(
                "rule {name:?} can never match: {cover:?} before it matches whatever it would"
            ));
        } else if goes_to_none_that_counts(policy, rule) {
            remarks.push(format!(
                "rule {name:?} can never match: all its recipients are exempt or protected"
            ));
        } else {
            let meets = |before: &&Rule| before.action != rule.action && meet(before, rule);
            for before in before.iter().filter(meets) {
                let first = &before.name;
                let advice = match (before.action, rule.action) {
                    (Action::Watch, Action::Hold) => ", and nothing is held; put it behind",
                    _ => "",
                };
                remarks.push(format!(
                    "rules {first:?} ({}) and {name:?} ({}) overlap: where both match, {first:?} \
                     decides{advice}",
                    before.action.as_str(),
                    rule.action.as_str(),
                ));
            }
        }
    }
    remarks
}

/// Whether `first` matches whatever `second` would.
fn covers(first: &Rule, second: &Rule) -> bool {
    // A rule that lets pass wants all senders and recipients to be meant, the others any of them.
    let is_as_easy = first.action != Action::Pass || second.action == Action::Pass;
    let is_as_long = first.when.is_always() || first.when == second.when;
    is_as_easy
        && is_as_long
        && who_covers(&first.who, &second.who)
        && to_covers(&first.to, &second.to)
}

fn who_covers(first: &Who, second: &Who) -> bool {
    match (first, second) {
        (Who::Anyone, _) => true,
        (Who::Listed(many), Who::Listed(few)) => few.iter().all(|one| many.contains(one)),
        (first, second) => first == second,
    }
}

fn to_covers(first: &ToWhom, second: &ToWhom) -> bool {
    match (first, second) {
        (ToWhom::Any, _) => true,
        (ToWhom::Listed(many), ToWhom::Listed(few)) => few.iter().all(|one| many.contains(one)),
        (first, second) => first == second,
    }
}

/// Whether a message may be meant by both.
fn meet(first: &Rule, second: &Rule) -> bool {
    let must_share = first.action == Action::Pass || second.action == Action::Pass;
    let lists_meet = match (&first.to, &second.to) {
        // A message may go to recipients of both lists; but to let pass, all must be in one.
        (ToWhom::Listed(one), ToWhom::Listed(other)) if must_share => one
            .iter()
            .any(|recipient| other.iter().any(|known| share(recipient, known))),
        (ToWhom::External | ToWhom::Any | ToWhom::Listed(_), _) => true,
    };
    let senders_meet = match (&first.who, &second.who) {
        (Who::Listed(one), Who::Listed(other)) => one.iter().any(|sender| other.contains(sender)),
        (Who::Flagged | Who::Group(_) | Who::Anyone | Who::Listed(_), _) => true,
    };
    lists_meet && senders_meet && times_meet(&first.when, &second.when)
}

/// Whether an address may be in both.
fn share(one: &RecipientPattern, other: &RecipientPattern) -> bool {
    match (one, other) {
        (RecipientPattern::Mailbox(address), pattern)
        | (pattern, RecipientPattern::Mailbox(address)) => pattern.matches(address),
        (RecipientPattern::Domain(_), RecipientPattern::Domain(_)) => one == other,
    }
}

fn times_meet(first: &Schedule, second: &Schedule) -> bool {
    match (&first.days, &second.days) {
        // Hours over midnight reach into the next day: only days alone are told apart.
        (Some(one), Some(other)) if first.hours.is_none() && second.hours.is_none() => {
            one.iter().any(|day| other.contains(day))
        }
        _ => true,
    }
}

fn goes_to_none_that_counts(policy: &Policy, rule: &Rule) -> bool {
    let ToWhom::Listed(list) = &rule.to else {
        return false;
    };
    let is_left_out =
        |one: &RecipientPattern| policy.exempt.contains(one) || policy.protected.contains(one);
    list.iter().all(is_left_out)
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::*;
    use crate::domain::{person::Group, policy::DomainPattern};

    fn policy(rules: Vec<Rule>) -> Policy {
        let mut policy = Policy::flagged_external(vec![DomainPattern::parse("corp.test").unwrap()]);
        policy.rules = rules;
        policy
    }

    fn rule(name: &str, who: Who, to: ToWhom, action: Action) -> Rule {
        Rule {
            name: name.to_owned(),
            who,
            to,
            ..Rule::flagged_external()
        }
        .acting(action)
    }

    impl Rule {
        fn acting(mut self, action: Action) -> Self {
            self.action = action;
            self
        }
    }

    fn to(text: &str) -> ToWhom {
        ToWhom::Listed(vec![RecipientPattern::parse(text).unwrap()])
    }

    fn one(rules: Vec<Rule>) -> String {
        let mut remarks = remarks(&policy(rules));
        assert_eq!(remarks.len(), 1, "{remarks:?}");
        remarks.remove(0)
    }

    #[test]
    fn a_rule_behind_a_wider_one_never_matches() {
        let all = rule("all", Who::Anyone, ToWhom::Any, Action::Watch);
        let remark = one(vec![all, Rule::flagged_external()]);
        assert!(
            remark.starts_with("rule \"flagged-external\" can never match: \"all\""),
            "{remark}"
        );
    }

    #[test]
    fn a_rule_that_lets_pass_covers_no_rule_that_holds() {
        let pass = rule("pass", Who::Flagged, ToWhom::External, Action::Pass);
        let remark = one(vec![pass, Rule::flagged_external()]);
        assert!(
            remark.contains("overlap: where both match, \"pass\" decides"),
            "{remark}"
        );
    }

    #[test]
    fn a_watch_rule_before_one_that_holds_is_to_be_put_behind() {
        let watch = rule(
            "trial",
            Who::Group(Group::new("cn=a")),
            ToWhom::Any,
            Action::Watch,
        );
        let remark = one(vec![watch, Rule::flagged_external()]);
        assert!(
            remark.ends_with("\"trial\" decides, and nothing is held; put it behind"),
            "{remark}"
        );
    }

    #[test]
    fn a_rule_for_exempt_recipients_never_matches() {
        let mut policy = policy(vec![rule(
            "x",
            Who::Anyone,
            to("@partner.test"),
            Action::Hold,
        )]);
        policy.exempt = vec![RecipientPattern::parse("@partner.test").unwrap()];
        let remarks = remarks(&policy);
        assert!(
            remarks[0].contains("all its recipients are exempt"),
            "{remarks:?}"
        );
    }

    #[test]
    fn rules_that_never_meet_need_no_remark() {
        let mut weekend = rule("weekend", Who::Flagged, ToWhom::External, Action::Watch);
        weekend.when.days = Some(vec![Weekday::Sat, Weekday::Sun]);
        let mut week = Rule::flagged_external();
        week.when.days = Some(vec![Weekday::Mon]);
        assert_eq!(remarks(&policy(vec![weekend, week])), Vec::<String>::new());
        let apart = vec![
            rule("a", Who::Anyone, to("@a.test"), Action::Pass),
            rule("b", Who::Anyone, to("@b.test"), Action::Hold),
        ];
        assert_eq!(remarks(&policy(apart)), Vec::<String>::new());
        assert_eq!(
            remarks(&policy(vec![Rule::flagged_external()])),
            Vec::<String>::new()
        );
    }
}

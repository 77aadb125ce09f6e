//! What messages say, in English and in Chinese. Pure.

use super::alert::{About, Alert, Count, Message, Subject, Wait};
use super::settings::Language;
use jiff::Timestamp;

/// A message as people read it, with lines.
pub(super) fn text(message: &Message, language: Language) -> String {
    let mut lines = Vec::new();
    if let Some(heading) = heading(message, language) {
        lines.push(heading);
    }
    for alert in &message.alerts {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!(
            "[Candor] {}: {}",
            alert.app,
            title(alert, language)
        ));
        lines.extend(details(alert, language));
        lines.extend(alert.link.clone());
    }
    lines.join("\n")
}

fn heading(message: &Message, language: Language) -> Option<String> {
    let all = message.alerts.len() as u64 + message.more;
    let (app, shown) = (&message.app, message.alerts.len());
    let why = message.digest?;
    let mut heading = match (language, why) {
        (Language::English, Wait::QuietHours) => {
            format!("[Candor] {app}: alerts of the quiet hours: {all}")
        }
        (Language::English, Wait::TooMany) => {
            format!("[Candor] {app}: alerts that were too many for the past hour: {all}")
        }
        (Language::Chinese, Wait::QuietHours) => {
            format!("[Candor] {app}：免打扰时段内的告警：{all} 条")
        }
        (Language::Chinese, Wait::TooMany) => {
            format!("[Candor] {app}：过去一小时内超出上限的告警：{all} 条")
        }
    };
    if message.more > 0 {
        heading.push_str(&match language {
            Language::English => format!(" (the first {shown} are shown)"),
            Language::Chinese => format!("（仅显示前 {shown} 条）"),
        });
    }
    Some(heading)
}

/// What happened, in one line.
pub(crate) fn title(alert: &Alert, language: Language) -> String {
    let what = |issue: &Subject| issue.title.clone();
    match language {
        Language::English => match &alert.about {
            About::NewIssue { issue, .. } => format!("new issue: {}", what(issue)),
            About::Regression { issue, release, .. } => {
                format!("back in {release}: {}", what(issue))
            }
            About::CrashFree { percent, least, .. } => {
                format!("{percent:.2} % of runs are without a crash, below {least} %")
            }
            About::Spike { issue: None, .. } => {
                "far more crashes than usual at this hour".to_owned()
            }
            About::Spike {
                issue: Some(issue), ..
            } => format!("far more often than usual at this hour: {}", what(issue)),
            About::Connection {
                percent, before, ..
            } => format!("{percent:.2} % of attempts to connect succeed, {before:.2} % before"),
            About::Quarantine { field, reason, .. } => {
                format!("an agent sent what might identify somebody: {field} ({reason})")
            }
            About::Silence { minutes, .. } => {
                format!("no report was stored for {minutes} minutes, though reports arrive")
            }
            About::Test => "this is a test; messages arrive".to_owned(),
        },
        Language::Chinese => match &alert.about {
            About::NewIssue { issue, .. } => format!("新问题：{}", what(issue)),
            About::Regression { issue, release, .. } => {
                format!("问题在 {release} 中重新出现：{}", what(issue))
            }
            About::CrashFree { percent, least, .. } => {
                format!("无崩溃运行占 {percent:.2}%，低于 {least}%")
            }
            About::Spike { issue: None, .. } => "该时段的崩溃远多于往常".to_owned(),
            About::Spike {
                issue: Some(issue), ..
            } => format!("该时段内远比往常频繁：{}", what(issue)),
            About::Connection {
                percent, before, ..
            } => format!("连接成功率为 {percent:.2}%，此前为 {before:.2}%"),
            About::Quarantine { field, reason, .. } => {
                format!("有客户端发送了可能识别个人身份的内容：{field}（{reason}）")
            }
            About::Silence { minutes, .. } => {
                format!("已有 {minutes} 分钟没有存入任何报告，但仍有报告到达")
            }
            About::Test => "这是一条测试消息，发送正常".to_owned(),
        },
    }
}

/// How much, and where: a line for each thing.
fn details(alert: &Alert, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(issue) = alert.about.issue() {
        if !issue.culprit.is_empty() {
            lines.push(issue.culprit.clone());
        }
        lines.push(of_issue(issue, language));
    }
    let english = language == Language::English;
    match &alert.about {
        About::NewIssue { percent, .. } if english => {
            lines.push(format!("{percent:.2} % of the runs of a day"));
        }
        About::NewIssue { percent, .. } => lines.push(format!("占一天内运行的 {percent:.2}%")),
        About::Regression { resolved, .. } if resolved.is_empty() => {}
        About::Regression { resolved, .. } if english => {
            lines.push(format!("it was resolved in {resolved}"));
        }
        About::Regression { resolved, .. } => lines.push(format!("曾在 {resolved} 中解决")),
        About::CrashFree { runs, .. } if english => {
            lines.push(format!("{runs} runs within a day"));
        }
        About::CrashFree { runs, .. } => lines.push(format!("一天内共 {runs} 次运行")),
        About::Spike {
            hour,
            reports,
            usual,
            ..
        } => lines.push(of_hour(*hour, *reports, *usual, language)),
        About::Connection {
            hours, attempts, ..
        } if english => lines.push(format!(
            "{attempts} attempts within {hours} hours, compared with the {hours} hours before"
        )),
        About::Connection {
            hours, attempts, ..
        } => lines.push(format!(
            "{hours} 小时内共 {attempts} 次尝试，与之前的 {hours} 小时相比"
        )),
        About::Quarantine {
            release, reports, ..
        } => {
            let reports = count(*reports, language);
            lines.push(match (release, english) {
                (Some(release), true) => {
                    format!("{reports} reports of release {release}; none was kept")
                }
                (None, true) => format!("{reports} reports; none was kept"),
                (Some(release), false) => format!("版本 {release} 的 {reports} 份报告，均未保存"),
                (None, false) => format!("{reports} 份报告，均未保存"),
            });
        }
        About::Silence { reports, .. } if english => {
            lines.push(format!("{} were turned away", count(*reports, language)));
        }
        About::Silence { reports, .. } => {
            lines.push(format!("期间有 {} 份被拒绝", count(*reports, language)));
        }
        About::Test => {}
    }
    lines
}

fn of_issue(issue: &Subject, language: Language) -> String {
    let (installs, release) = (count(issue.installs, language), &issue.release);
    match (language, issue.reports) {
        (Language::English, Some(reports)) => {
            format!("{installs} installations, {reports} reports; last in release {release}")
        }
        (Language::English, None) => format!("{installs} installations; last in release {release}"),
        (Language::Chinese, Some(reports)) => {
            format!("{installs} 个安装，{reports} 份报告；最近出现于版本 {release}")
        }
        (Language::Chinese, None) => format!("{installs} 个安装；最近出现于版本 {release}"),
    }
}

fn of_hour(hour: u64, reports: Count, usual: Option<f64>, language: Language) -> String {
    let second = i64::try_from(hour).unwrap_or_default();
    let when = Timestamp::from_second(second).unwrap_or_default();
    let when = when.strftime("%Y-%m-%d %H:%M UTC");
    let reports = count(reports, language);
    match (language, usual) {
        (Language::English, Some(usual)) => {
            format!("{reports} in the hour from {when}; usual are {usual:.0}")
        }
        (Language::English, None) => format!("in the hour from {when}"),
        (Language::Chinese, Some(usual)) => {
            format!("{when} 起一小时内 {reports} 份；往常约 {usual:.0} 份")
        }
        (Language::Chinese, None) => format!("{when} 起一小时内"),
    }
}

fn count(count: Count, language: Language) -> String {
    match (count, language) {
        (Count::Exactly(number), _) => number.to_string(),
        (Count::FewerThan(least), Language::English) => format!("fewer than {least}"),
        (Count::FewerThan(least), Language::Chinese) => format!("少于 {least}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(about: About) -> Alert {
        Alert {
            id: "1".repeat(32),
            at: 1_773_480_360,
            app: "im".to_owned(),
            about,
            link: Some("https://candor.example/issues/00ab?app=im".to_owned()),
        }
    }

    fn issue(installs: u64) -> Subject {
        Subject {
            id: "00000000000000ab".to_owned(),
            kind: "crash".to_owned(),
            title: "SIGSEGV (null pointer) in im::history".to_owned(),
            culprit: "im::history".to_owned(),
            release: "1.2.3".to_owned(),
            installs: Count::of(installs, 10),
            reports: (installs >= 10).then_some(41),
        }
    }

    fn message(alerts: Vec<Alert>, digest: Option<Wait>, more: u64) -> Message {
        Message {
            id: "2".repeat(32),
            at: 1_773_480_360,
            app: "im".to_owned(),
            digest,
            alerts,
            more,
        }
    }

    #[test]
    fn an_alert_says_what_how_much_and_where_to_look() {
        let about = About::NewIssue {
            issue: issue(12),
            percent: 0.83,
        };
        let message = message(vec![alert(about)], None, 0);
        assert_eq!(
            text(&message, Language::English),
            "[Candor] im: new issue: SIGSEGV (null pointer) in im::history\nim::history\n12 installations, 41 reports; last in \
             release 1.2.3\n0.83 % of the runs of a day\nhttps://candor.example/issues/00ab?app=im"
        );
        let chinese = text(&message, Language::Chinese);
        assert!(
            chinese.contains("新问题") && chinese.contains("12 个安装"),
            "{chinese}"
        );
    }

    #[test]
    fn few_installations_are_not_counted_in_any_language() {
        for about in [
            About::NewIssue {
                issue: issue(7),
                percent: 0.83,
            },
            About::Spike {
                issue: Some(issue(7)),
                hour: 1_773_478_800,
                reports: Count::FewerThan(10),
                usual: None,
            },
        ] {
            let message = message(vec![alert(about)], None, 0);
            let (english, chinese) = (
                text(&message, Language::English),
                text(&message, Language::Chinese),
            );
            assert!(english.contains("fewer than 10 installations"), "{english}");
            assert!(chinese.contains("少于 10 个安装"), "{chinese}");
            assert!(!english.contains("41") && !chinese.contains("41"));
        }
    }

    #[test]
    fn a_digest_says_why_and_how_many() {
        let several = vec![alert(About::Test), alert(About::Test)];
        let message = message(several, Some(Wait::QuietHours), 3);
        let said = text(&message, Language::English);
        assert!(said.starts_with(
            "[Candor] im: alerts of the quiet hours: 5 (the first 2 are shown)\n\n[Candor] im: this is a test"
        ), "{said}");
        assert!(text(&message, Language::Chinese).starts_with("[Candor] im：免打扰"));
    }
}

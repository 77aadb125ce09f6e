//! Tables for people, one for each kind of data.

use super::{Lang, of};
use candor_protocol::catalogue::{Category, RETENTION_DAYS_MOST, VERSION};

pub(super) fn render(lang: Lang) -> String {
    let title = lang.pick("What may leave a device", "可能离开设备的数据");
    let version = lang.pick("Version", "版本");
    let intro = lang.pick(
        "Every field that an agent can send. A field that is not listed cannot be sent, and is refused by the collector. Fields \
         marked optional are off until the app's developer switches each on. Nothing is sent without the user's consent.",
        "代理可能发送的全部字段。未列出的字段无法发送，采集端也会拒绝。标为可选的字段默认关闭，须由应用开发者逐项开启。未经用户同意，不发送任何数据。",
    );
    let kept = match lang {
        Lang::En => format!(
            "Days: how long a collector keeps it at most unless less was agreed; never longer than {RETENTION_DAYS_MOST}. Summaries that count \
             reports stay."
        ),
        Lang::Zh => format!(
            "天数：除非另行约定更短期限，采集端最长保留的天数；任何情况下不超过 {RETENTION_DAYS_MOST} 天。仅含计数的汇总数据可继续保留。"
        ),
    };
    let mut text = format!("# {title}\n\n{version} {VERSION}. {intro}\n\n{kept}\n");
    let heads = [
        lang.pick("field", "字段"),
        lang.pick("what it holds", "内容"),
        lang.pick("unit", "单位"),
        lang.pick("why", "目的"),
        lang.pick("so that it identifies nobody", "去标识化规则"),
        lang.pick("needed", "必要性"),
        lang.pick("systems", "系统"),
        lang.pick("days", "天数"),
        lang.pick("since", "起始版本"),
    ];
    for category in Category::ALL {
        text.push_str(&format!("\n## {}\n\n", lang.category(*category)));
        text.push_str(&format!("| {} |\n", heads.join(" | ")));
        text.push_str(&format!("|{}\n", "---|".repeat(heads.len())));
        for field in of(*category) {
            let cells = [
                format!("`{}`", field.path),
                lang.text(field.meaning).to_owned(),
                field.unit.to_owned(),
                lang.text(field.purpose).to_owned(),
                lang.text(field.rule).to_owned(),
                lang.need(field),
                lang.platforms(field).to_owned(),
                field.retention_days().to_string(),
                field.since.to_string(),
            ];
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    text
}

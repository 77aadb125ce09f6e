//! The answers to Google Play's questions on data safety: <https://support.google.com/googleplay/android-developer/answer/10787469>.

use candor_protocol::catalogue::{Category, FIELDS};

/// What a category is called there.
const fn data_type(category: Category) -> Option<(&'static str, &'static str)> {
    match category {
        Category::Crash => Some(("App info and performance", "Crash logs")),
        Category::Performance => Some(("App info and performance", "Diagnostics")),
        Category::Diagnostic => Some(("App info and performance", "Other app performance data")),
        // Random numbers change every week at the latest and name no device; classes of devices come with the others.
        Category::Random | Category::Device => None,
    }
}

pub(super) fn render() -> String {
    let mut text = String::from(
        "category,data type,collected,shared,processed ephemerally,required or optional,purposes,encrypted in transit,users can request deletion\n",
    );
    for category in Category::ALL {
        let used = FIELDS.iter().any(|field| field.category() == *category);
        if let Some((group, name)) = data_type(*category).filter(|_| used) {
            // Optional: nothing is collected without the user's consent, and it can be withdrawn at any time.
            text.push_str(&format!(
                "{group},{name},yes,no,no,optional,App functionality; Analytics,yes,yes\n"
            ));
        }
    }
    text
}

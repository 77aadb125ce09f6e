//! Apple's manifest of what an SDK collects: <https://developer.apple.com/documentation/bundleresources/privacy-manifest-files>.

use candor_protocol::catalogue::{Category, FIELDS};

/// What a category is called there. Random numbers and classes of devices go with the data that they come with: they identify no
/// device and are not linked to a person.
const fn collected(category: Category) -> Option<&'static str> {
    match category {
        Category::Crash => Some("NSPrivacyCollectedDataTypeCrashData"),
        Category::Performance => Some("NSPrivacyCollectedDataTypePerformanceData"),
        Category::Diagnostic => Some("NSPrivacyCollectedDataTypeOtherDiagnosticData"),
        Category::Random | Category::Device => None,
    }
}

/// Interfaces that need a reason there, and the reason: sizes of files in the app's own container, and times between events in the
/// app.
const INTERFACES: [(&str, &str); 2] = [
    ("NSPrivacyAccessedAPICategoryFileTimestamp", "C617.1"),
    ("NSPrivacyAccessedAPICategorySystemBootTime", "35F9.1"),
];

pub(super) fn render() -> String {
    let mut text = String::from(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>NSPrivacyTracking</key>
	<false/>
	<key>NSPrivacyTrackingDomains</key>
	<array/>
	<key>NSPrivacyCollectedDataTypes</key>
	<array>
"#,
    );
    for category in Category::ALL {
        let used = FIELDS.iter().any(|field| field.category() == *category);
        let Some(name) = collected(*category).filter(|_| used) else {
            continue;
        };
        text.push_str(&format!(
            "\t\t<dict>
\t\t\t<key>NSPrivacyCollectedDataType</key>
\t\t\t<string>{name}</string>
\t\t\t<key>NSPrivacyCollectedDataTypeLinked</key>
\t\t\t<false/>
\t\t\t<key>NSPrivacyCollectedDataTypeTracking</key>
\t\t\t<false/>
\t\t\t<key>NSPrivacyCollectedDataTypePurposes</key>
\t\t\t<array>
\t\t\t\t<string>NSPrivacyCollectedDataTypePurposeAppFunctionality</string>
\t\t\t</array>
\t\t</dict>
"
        ));
    }
    text.push_str("\t</array>\n\t<key>NSPrivacyAccessedAPITypes</key>\n\t<array>\n");
    for (name, reason) in INTERFACES {
        text.push_str(&format!(
            "\t\t<dict>
\t\t\t<key>NSPrivacyAccessedAPIType</key>
\t\t\t<string>{name}</string>
\t\t\t<key>NSPrivacyAccessedAPITypeReasons</key>
\t\t\t<array>
\t\t\t\t<string>{reason}</string>
\t\t\t</array>
\t\t</dict>
"
        ));
    }
    text.push_str("\t</array>\n</dict>\n</plist>\n");
    text
}

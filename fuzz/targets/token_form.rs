//! The form of the token endpoint: whatever bytes arrive, its parser answers, and what it takes it takes once.

#![no_main]

use insightgate_api::fuzzing::read_token_form;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|form: &[u8]| {
    if let Ok(fields) = read_token_form(form) {
        for (name, value) in &fields {
            assert!(!value.is_empty(), "an empty field counts as absent: {name}");
        }
        // Parameters that were read are written and read again as they are.
        let written: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        assert_eq!(read_token_form(written.join("&").as_bytes()).ok().as_ref(), Some(&fields));
    }
});

/// Every byte as `%XX`.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

//! The name of an execution's file: the report's name and the execution's id, as documented, in characters and at a length that file systems and
//! addresses allow.

use uuid::Uuid;

use insightgate_query::format::Format;

/// Bytes that a file system takes for a name. Programs that save a file by its address count the percent signs of the address, too.
const LONGEST: usize = 255;

/// The name in a link. Its length is that of the encoded address.
pub fn in_address(report: &str, execution: Uuid, format: Format) -> String {
    name(report, execution, format, |character| match character {
        'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' | '.' | '~' => 1,
        other => 3 * other.len_utf8(),
    })
}

/// The name of the saved file. It may have more of a report's name that is not in Latin letters.
pub fn on_disk(report: &str, execution: Uuid, format: Format) -> String {
    name(report, execution, format, char::len_utf8)
}

/// The same in ASCII, for programs that read nothing else: other letters, and characters that such programs take for the end of a name, become
/// underscores.
pub fn in_ascii(file: &str) -> String {
    file.chars().map(|character| if character.is_ascii() && !matches!(character, '%' | ';') { character } else { '_' }).collect()
}

fn name(report: &str, execution: Uuid, format: Format, bytes: impl Fn(char) -> usize) -> String {
    let end = format!("_{execution}.{}", format.name());
    let mut left = LONGEST.saturating_sub(end.len());
    let fits = |character: &char| {
        let rest = left.checked_sub(bytes(*character));
        left = rest.unwrap_or_default();
        rest.is_some()
    };
    let start: String = report.chars().map(saved).take_while(fits).collect();
    start + &end
}

/// What no file system takes in a name, and what would show it as another, is an underscore. A slash in an address is decoded by clients of the store
/// that the links are modelled on, and then names another folder.
fn saved(character: char) -> char {
    match character {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        // Marks of a text's direction, and ends of lines.
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '_',
        control if control.is_control() => '_',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_a_file_system_and_an_address() {
        let id = Uuid::from_u128(1);
        let encoded = |file: &str| url::form_urlencoded::byte_serialize(file.as_bytes()).collect::<String>().len();
        for report in ["a".repeat(256), "ä".repeat(256), "日本".repeat(128), "🦀".repeat(256), " ".repeat(256), "/".repeat(256)] {
            for &format in Format::ALL {
                let (address, disk) = (in_address(&report, id, format), on_disk(&report, id, format));
                assert!(disk.len() <= LONGEST && disk.len() > LONGEST - 4, "{disk}");
                assert!(encoded(&address.replace(' ', "%")) <= LONGEST && encoded(&address.replace(' ', "%")) > LONGEST - 12, "{address}");
                assert!(in_ascii(&disk).is_ascii() && in_ascii(&disk).len() <= LONGEST);
                for file in [address, disk] {
                    assert!(file.ends_with(&format!("_{id}.{}", format.name())), "{file}");
                }
            }
        }
    }

    #[test]
    fn a_name_holds_what_can_be_saved() {
        let id = Uuid::nil();
        for (report, saved, ascii) in [
            ("Revenue by customer", "Revenue by customer", "Revenue by customer"),
            ("EMEA/APAC", "EMEA_APAC", "EMEA_APAC"),
            ("../../etc/passwd", ".._.._etc_passwd", ".._.._etc_passwd"),
            ("C:\\x \"y\" <z>|?*", "C__x _y_ _z____", "C__x _y_ _z____"),
            ("Größe 100%; 日本", "Größe 100%; 日本", "Gr__e 100__ __"),
            ("a\r\nb\u{0}c\u{7f}d\u{85}e\u{202e}f\u{2028}g", "a__b_c_d_e_f_g", "a__b_c_d_e_f_g"),
        ] {
            let file = on_disk(report, id, Format::CsvGz);
            assert_eq!(file, format!("{saved}_{id}.csv.gz"));
            assert_eq!(in_ascii(&file), format!("{ascii}_{id}.csv.gz"));
        }
    }
}

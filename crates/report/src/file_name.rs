//! The file name of an artifact: the report's name and the execution's id, as documented, in characters and at a length that file systems and addresses
//! allow.

use uuid::Uuid;

use insightgate_query::format::Format;

/// The most bytes of a name in a file system. Programs that name a file after its address count the percent signs of the address too.
const LONGEST: usize = 255;

/// The name in a link. Its length is limited as it is encoded in the address.
pub fn in_address(report: &str, execution: Uuid, format: Format) -> String {
    name(report, execution, format, |character| match character {
        'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' | '.' | '~' => 1,
        other => 3 * other.len_utf8(),
    })
}

/// The name of the saved file. If the report's name is not in Latin letters, it may contain more of it than the link does.
pub fn on_disk(report: &str, execution: Uuid, format: Format) -> String {
    name(report, execution, format, char::len_utf8)
}

/// The name in ASCII, for programs that read nothing else. Other letters, and characters that such programs take for the end of a name, become underscores.
pub fn in_ascii(file: &str) -> String {
    file.chars().map(|character| if character.is_ascii() && !matches!(character, '%' | ';') { character } else { '_' }).collect()
}

fn name(report: &str, execution: Uuid, format: Format, bytes: impl Fn(char) -> usize) -> String {
    let end = format!("_{execution}.{}", format.extension());
    let mut left = LONGEST.saturating_sub(end.len());
    let fits = |character: &char| {
        let rest = left.checked_sub(bytes(*character));
        left = rest.unwrap_or_default();
        rest.is_some()
    };
    let start: String = report.chars().map(saved).take_while(fits).collect();
    start + &end
}

/// Replaces by an underscore what a file system does not allow in a name, and what would make the name look like another. That includes an encoded slash:
/// clients of the store that the links are modelled on decode it, and it then names another folder.
fn saved(character: char) -> char {
    match character {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        // Marks of text direction, and line separators.
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
                    assert!(file.ends_with(&format!("_{id}.{}", format.extension())), "{file}");
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

//! Repeatable choices: each is a function of the seed and of what it decides, so that neither the order nor the chunks of rows change a row.

/// SplitMix64's finisher, which spreads its input over all 64 bits.
pub fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// FNV-1a.
pub fn of_text(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

/// A number from 0 to `bound` - 1; 0 if `bound` is 0.
pub fn below(random: u64, bound: u64) -> u64 {
    // The high half of the product is distributed evenly enough, without a division.
    ((u128::from(random) * u128::from(bound)) >> 64) as u64
}

/// True in `percent` of 100 cases.
pub fn chance(random: u64, percent: u64) -> bool {
    below(random, 100) < percent
}

/// Chooses one of the choices; `None` if there are none.
pub fn pick<T>(random: u64, choices: &[T]) -> Option<&T> {
    choices.get(below(random, choices.len() as u64) as usize)
}

/// The choice at the index, which wraps around; `None` if there are no choices.
pub fn at<T>(index: u64, choices: &[T]) -> Option<&T> {
    let length = choices.len() as u64;
    choices.get(index.checked_rem(length)? as usize)
}

/// A UUID in the form of version 4.
pub fn guid(random: u64) -> String {
    let low = mix(random);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        random >> 32,
        (random >> 16) & 0xFFFF,
        random & 0x0FFF,
        0x8000 | (low >> 50),
        low & 0xFFFF_FFFF_FFFF
    )
}

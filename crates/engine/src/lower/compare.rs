//! Comparisons with exact numbers: a literal is converted to the column's own scale, so that no digit is lost and no column is cast.

use std::cmp::Ordering;

use insightgate_query::column::Comparison;

/// The position of a literal among the values of a column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The literal is that value.
    At(i128),
    /// The literal lies between that value and the next one.
    After(i128),
    /// The literal lies below all values.
    Below,
    /// The literal lies above all values.
    Above,
}

/// The comparison once its literal is placed among the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    Compare(Comparison, i128),
    Nothing,
    NotNull,
}

/// Places `unscaled` × 10^-`scale` among the numbers n × 10^-`target_scale` with `minimum` ≤ n ≤ `maximum`.
pub(crate) fn place(unscaled: i128, scale: i8, target_scale: i8, minimum: i128, maximum: i128) -> Place {
    let shift = i32::from(target_scale) - i32::from(scale);
    let power = 10_i128.checked_pow(shift.unsigned_abs());
    let outside = |sign: Ordering| if sign == Ordering::Less { Place::Below } else { Place::Above };
    let place = match (shift >= 0, power) {
        (true, Some(power)) => match unscaled.checked_mul(power) {
            Some(value) => Place::At(value),
            None => return outside(unscaled.cmp(&0)),
        },
        (true, None) if unscaled != 0 => return outside(unscaled.cmp(&0)),
        (true, None) => Place::At(0),
        (false, Some(power)) => match unscaled.rem_euclid(power) {
            0 => Place::At(unscaled.div_euclid(power)),
            _ => Place::After(unscaled.div_euclid(power)),
        },
        // The literal has so many more digits than the type that only its sign is left.
        (false, None) => match unscaled.cmp(&0) {
            Ordering::Less => Place::After(-1),
            Ordering::Equal => Place::At(0),
            Ordering::Greater => Place::After(0),
        },
    };
    match place {
        Place::At(value) if value < minimum => Place::Below,
        Place::At(value) | Place::After(value) if value > maximum => Place::Above,
        Place::After(value) if value < minimum => Place::Below,
        Place::After(value) if value == maximum => Place::Above,
        inside => inside,
    }
}

/// `column comparison literal`, in terms of the column's own values.
pub(crate) fn compare(comparison: Comparison, place: Place) -> Placed {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    match (place, comparison) {
        (Place::At(value), comparison) => Placed::Compare(comparison, value),
        (_, Equal) => Placed::Nothing,
        (_, NotEqual) => Placed::NotNull,
        (Place::After(value), Less | LessOrEqual) => Placed::Compare(LessOrEqual, value),
        (Place::After(value), Greater | GreaterOrEqual) => Placed::Compare(Greater, value),
        (Place::Below, Less | LessOrEqual) | (Place::Above, Greater | GreaterOrEqual) => Placed::Nothing,
        (Place::Below, Greater | GreaterOrEqual) | (Place::Above, Less | LessOrEqual) => Placed::NotNull,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_find_their_place() {
        let int = |unscaled, scale| place(unscaled, scale, 0, i64::MIN.into(), i64::MAX.into());
        assert_eq!(int(25, 1), Place::After(2));
        assert_eq!(int(-25, 1), Place::After(-3));
        assert_eq!(int(20, 1), Place::At(2));
        assert_eq!(int(2, -1), Place::At(20));
        assert_eq!(int(1, -30), Place::Above);
        assert_eq!(int(-1, -30), Place::Below);
        assert_eq!(int(-1, 60), Place::After(-1));
        assert_eq!(int(i128::from(i64::MAX) * 10 + 5, 1), Place::Above);
        assert_eq!(int(i128::from(i64::MIN) * 10 - 5, 1), Place::Below);
        // decimal(4, 2) holds −99.99 to 99.99.
        let decimal = |unscaled, scale| place(unscaled, scale, 2, -9999, 9999);
        assert_eq!(decimal(15, 1), Place::At(150));
        assert_eq!(decimal(100, 0), Place::Above);
        assert_eq!(decimal(-100, 0), Place::Below);
    }

    #[test]
    fn comparisons_between_values_keep_their_meaning() {
        use Comparison::*;
        // For every number of a small column, the placed comparison agrees with the real one.
        for tenths in -35..=35_i128 {
            let place = place(tenths, 1, 0, -2, 2);
            for value in -2..=2_i128 {
                for comparison in [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual] {
                    let holds = |comparison, one: i128, other: i128| match comparison {
                        Equal => one == other,
                        NotEqual => one != other,
                        Less => one < other,
                        LessOrEqual => one <= other,
                        Greater => one > other,
                        GreaterOrEqual => one >= other,
                    };
                    let placed = match compare(comparison, place) {
                        Placed::Compare(comparison, bound) => holds(comparison, value, bound),
                        Placed::Nothing => false,
                        Placed::NotNull => true,
                    };
                    assert_eq!(placed, holds(comparison, value * 10, tenths), "{value} {comparison:?} {tenths}/10");
                }
            }
        }
    }
}

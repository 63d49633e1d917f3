use super::*;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn at(stage: EnrollmentStage) -> Enrollment {
    let code = (stage == EnrollmentStage::EmailVerification).then(|| VerificationCode {
        digest: "right".to_owned(),
        expires: NOW + TimeDelta::days(1),
        attempts: 0,
    });
    Enrollment { stage, code, ..Enrollment::start(Program::Mpn, NOW) }
}

/// Every step from every stage: the stage that it leads to, or `None` if it is not allowed.
#[test]
fn each_step_from_each_stage() {
    use EnrollmentStage::*;
    type Step = fn(&Enrollment) -> Option<EnrollmentStage>;
    let steps: [(&str, Step, [Option<EnrollmentStage>; 6]); 6] = [
        (
            "send code",
            |e| e.send_code("d".into(), NOW).ok().map(|e| e.stage),
            [Some(EmailVerification), Some(EmailVerification), None, None, None, None],
        ),
        ("confirm", |e| e.confirm("right", NOW).ok().map(|e| e.stage), [None, Some(Review), None, None, None, None]),
        ("activate", |e| e.activate(NOW).ok().map(|e| e.stage), [None, None, Some(Active), None, None, None]),
        ("reject", |e| e.reject("why", NOW).ok().map(|e| e.stage), [Some(Rejected), Some(Rejected), Some(Rejected), None, None, None]),
        ("suspend", |e| e.suspend("why", NOW).ok().map(|e| e.stage), [None, None, None, Some(Suspended), None, None]),
        ("reactivate", |e| e.reactivate(NOW).ok().map(|e| e.stage), [None, None, None, None, Some(Review), Some(Active)]),
    ];
    for (name, step, expected) in steps {
        for (stage, expected) in EnrollmentStage::ALL.iter().copied().zip(expected) {
            assert_eq!(step(&at(stage)), expected, "{name} from {}", stage.name());
        }
    }
}

#[test]
fn wrong_codes_count_and_old_ones_do_not_work() {
    let mut enrollment = at(EnrollmentStage::EmailVerification);
    for _ in 0..Enrollment::CODE_ATTEMPTS {
        let (counted, fault) = enrollment.confirm("wrong", NOW).unwrap_err();
        assert_eq!(fault, IllegalMove::WrongCode);
        enrollment = counted;
    }
    assert_eq!(enrollment.confirm("right", NOW).unwrap_err().1, IllegalMove::TooManyAttempts);
    let another = enrollment.send_code("other".into(), NOW).unwrap();
    assert_eq!(another.confirm("right", NOW).unwrap_err().1, IllegalMove::WrongCode);
    let late = NOW + TimeDelta::days(Enrollment::CODE_DAYS);
    assert_eq!(another.confirm("other", late).unwrap_err().1, IllegalMove::CodeExpired);
    let confirmed = another.confirm("other", NOW).unwrap();
    assert_eq!((confirmed.stage, confirmed.code), (EnrollmentStage::Review, None));
}

#[test]
fn reasons_are_needed_and_kept_until_the_next_stage() {
    let active = at(EnrollmentStage::Active);
    assert_eq!(active.suspend("  ", NOW), Err(IllegalMove::ReasonMissing));
    let suspended = active.suspend(" unpaid ", NOW).unwrap();
    assert_eq!(suspended.reason.as_deref(), Some("unpaid"));
    assert_eq!(suspended.reactivate(NOW).unwrap().reason, None);
}

#[test]
fn a_rejection_is_appealed_three_times_at_most() {
    let mut enrollment = at(EnrollmentStage::Review);
    for _ in 0..Enrollment::APPEALS {
        enrollment = enrollment.reject("no papers", NOW).unwrap().reactivate(NOW).unwrap();
    }
    let last = enrollment.reject("no papers", NOW).unwrap();
    assert_eq!(last.reactivate(NOW), Err(IllegalMove::TooManyAppeals(3)));
}

#[test]
fn changed_legal_details_send_an_active_enrollment_back_to_review() {
    for &stage in EnrollmentStage::ALL {
        let expected = if stage == EnrollmentStage::Active { EnrollmentStage::Review } else { stage };
        assert_eq!(at(stage).legal_details_changed(false, NOW).stage, expected);
    }
}

#[test]
fn a_code_ends_with_the_address_that_it_was_made_for() {
    let waiting = at(EnrollmentStage::EmailVerification);
    assert_eq!(waiting.legal_details_changed(false, NOW), waiting);
    let again = waiting.legal_details_changed(true, NOW + TimeDelta::hours(1));
    assert_eq!((again.stage, &again.code, again.changed), (EnrollmentStage::Started, &None, NOW + TimeDelta::hours(1)));
    assert!(again.confirm("right", NOW).is_err());
    for &stage in EnrollmentStage::ALL.iter().filter(|stage| **stage != EnrollmentStage::EmailVerification) {
        assert_eq!(at(stage).legal_details_changed(true, NOW), at(stage).legal_details_changed(false, NOW), "{}", stage.name());
    }
}

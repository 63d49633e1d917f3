//! Datasets in the console: what they are, and what of them somebody sees.

use super::signed_in;
use crate::tests::harness::browser::{Shown, attribute};
use crate::tests::harness::*;

const DATASETS: &str = "/console/mpn/datasets";

/// The addresses of the page's links to the editor with a text.
fn queries(page: &Shown) -> Vec<String> {
    let text = page.answer.text();
    text.split("<a ").filter(|link| link.contains("/queries?text=")).map(|link| attribute(link, "href").unwrap()).collect()
}

#[tokio::test]
async fn a_dataset_is_found_by_what_is_in_it_and_shows_how_to_begin() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let all = browser.open(DATASETS).await;
    assert!(all.title() == "Datasets" && all.answer.text().contains("datasets?name=OfficeUsage"), "{}", all.answer.text());
    let found = browser.open(&format!("{DATASETS}?search=totalAMOUNT")).await.answer.text();
    assert!(found.contains("datasets?name=Sales") && found.contains("has TotalAmount") && !found.contains("name=Plain"), "{found}");
    let nothing = browser.open(&format!("{DATASETS}?search=%3Cb%3Enothing")).await.answer.text();
    assert!(nothing.contains("No dataset has “&#60;b&#62;nothing” in it."), "{nothing}");

    let sales = browser.open(&format!("{DATASETS}?name=sales")).await;
    let text = sales.answer.text();
    assert_eq!((sales.answer.status.as_u16(), sales.title().as_str()), (200, "Sales"));
    for told in
        ["Sees the rows of your whole organisation.", "3 in 1 file", "decimal(12,2)", "SUM(Amount)", "gamma", "data-kind=\"number\""]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
    // Both texts can be run as they are.
    let links = queries(&sales);
    assert_eq!(links.len(), 2);
    for link in links {
        let editor = browser.open(&link).await;
        assert!(!editor.answer.text().contains("written-faults"), "{}", editor.answer.text());
        let written =
            editor.answer.text().split("<textarea").nth(1).unwrap().split_once('>').unwrap().1.split("</").next().unwrap().to_owned();
        let shown = browser.submit_to(&editor, "/queries#result", &[("text", &written)]).await;
        assert!(shown.answer.status == 200 && shown.answer.text().contains("id=\"rows\""), "{}", shown.answer.text());
    }
    assert_eq!(browser.open(&format!("{DATASETS}?name=Nothing")).await.answer.status, 404);
    assert_eq!(browser.open("/console/xyz/datasets").await.answer.status, 404);
}

#[tokio::test]
async fn somebody_with_one_location_sees_the_rows_of_that_location() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in(&deployment, "lea@contoso.example").await;
    let sales = browser.open(&format!("{DATASETS}?name=Sales")).await.answer.text();
    for told in ["Sees the rows of your location 1000001.", "2 in 1 file", "beta"] {
        assert!(sales.contains(told), "{told}: {sales}");
    }
    assert!(!sales.contains("gamma"));
    // A dataset without locations is not hers to read, but the page says so and what the dataset is.
    let plain = browser.open(&format!("{DATASETS}?name=Plain")).await;
    let text = plain.answer.text();
    assert!(plain.answer.status == 200 && text.contains("class=\"note\"") && text.contains("Columns") && !text.contains(">row<"), "{text}");
}

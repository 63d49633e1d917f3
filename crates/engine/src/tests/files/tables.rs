//! Folders of tables, whose files are not to be read as plain ones.

use insightgate_query::datasets::catalog::TenantKey;

use crate::TableFormat;
use crate::tests::*;

const DELTA: &str = "_delta_log/00000000000000000000.json";
const ICEBERG: &str = "metadata/00000-5b1f.metadata.json";
const ICEBERG_OF_HADOOP: &str = "metadata/version-hint.text";

fn write_record(folder: &Path, record: &str) {
    let path = folder.join(record);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "{}").unwrap();
}

/// Every way to the rows fails, and names the folder.
async fn is_refused(world: &World, plan: &Plan, format: TableFormat, named: &str) {
    let exported = world.csv(plan).await.map(drop);
    let previewed = world.preview(&scope(ALICE), plan).await.map(drop);
    let explained = world.engine.explain(&scope(ALICE), plan, Window::All).await.map(drop);
    for outcome in [exported, previewed, explained] {
        let failed = outcome.unwrap_err();
        let EngineError::TableFound { folder, format: found } = &failed else { panic!("{failed:?}") };
        assert_eq!((folder.as_str(), *found), (named, format));
        assert!(!failed.is_retryable() && !failed.is_refusal());
        let word = if format == TableFormat::Delta { "a Delta table" } else { "an Iceberg table" };
        assert!(failed.to_string().contains(named) && failed.to_string().contains(word), "{failed}");
        assert_eq!(failed.to_string().contains("format = \"delta\""), format == TableFormat::Delta, "{failed}");
        let told = failed.caller_message();
        assert!(told.contains(word) && !told.contains('/') && !told.contains(&ALICE.to_string()), "{told}");
    }
    let checked = world.engine.check_files(Program::Mpn, &plan.dataset).await.unwrap();
    assert!(matches!(checked.faults.as_slice(), [EngineError::TableFound { folder, .. }] if folder == named), "{checked:?}");
}

#[tokio::test]
async fn a_table_in_a_tenants_folder_is_refused_by_name() {
    for (record, format) in [(DELTA, TableFormat::Delta), (ICEBERG, TableFormat::Iceberg), (ICEBERG_OF_HADOOP, TableFormat::Iceberg)] {
        let (world, dataset) = (World::new(), sales());
        for tenant in [ALICE, BOB] {
            world.write(&dataset, tenant, "part-0.parquet", &[sale(1, Some("deleted or not"))]);
        }
        let (plan, folder) = (select(&dataset, &["Id"]), world.data_folder(&dataset, Some(ALICE)));
        write_record(&folder, record);
        is_refused(&world, &plan, format, &format!("mpn/Sales/tenant={ALICE}")).await;
        // The other tenant's files are plain.
        assert_eq!(world.csv_of(&scope(BOB), &plan, Window::All).await.unwrap(), "Id\n1\n");
        std::fs::remove_file(folder.join(record)).unwrap();
        assert_eq!(world.lines(&plan).await, ["1"]);
    }
}

#[tokio::test]
async fn a_table_whose_partitions_are_the_tenants_folders_is_refused_by_name() {
    for (record, format) in [(DELTA, TableFormat::Delta), (ICEBERG, TableFormat::Iceberg), (ICEBERG_OF_HADOOP, TableFormat::Iceberg)] {
        let (world, dataset) = (World::new(), sales());
        world.write(&dataset, ALICE, "part-0.parquet", &[sale(1, None)]);
        write_record(&world.data_folder(&dataset, None), record);
        is_refused(&world, &select(&dataset, &["Id"]), format, "mpn/Sales").await;
    }
}

#[tokio::test]
async fn a_table_of_all_tenants_is_refused_by_name() {
    for (record, format) in [(DELTA, TableFormat::Delta), (ICEBERG, TableFormat::Iceberg)] {
        let world = World::new();
        let tenancy = Tenancy::Column { name: "Name".to_owned(), holds: TenantKey::TenantId };
        let dataset = Dataset { tenancy, ..sales() };
        let folder = world.data_folder(&dataset, None);
        write_rows(&folder.join("Day=2026-11-01/part-0.parquet"), &dataset, &[sale(1, Some(&ALICE.to_string()))]);
        assert_eq!(world.lines(&select(&dataset, &["Id"])).await, ["1"]);
        write_record(&folder, record);
        is_refused(&world, &select(&dataset, &["Id"]), format, "mpn/Sales").await;
    }
}

#[tokio::test]
async fn what_only_looks_like_a_table_hides_no_rows() {
    let (world, dataset) = (World::new(), sales());
    world.write(&dataset, ALICE, "part-0.parquet", &[sale(1, None)]);
    world.write(&dataset, ALICE, "metadata/part-1.parquet", &[sale(2, None)]);
    for folder in [world.data_folder(&dataset, Some(ALICE)), world.data_folder(&dataset, None)] {
        write_record(&folder, "_before/_delta_log/00000000000000000000.json");
        write_record(&folder, "metadata/about.json");
    }
    write_record(&world.data_folder(&dataset, None).parent().unwrap().join("SalesBefore"), DELTA);
    assert_eq!(world.lines(&select(&dataset, &["Id"])).await, ["2", "1"]);
}

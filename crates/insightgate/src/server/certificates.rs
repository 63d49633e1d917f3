//! The data folder's own certificate authority, made at the first start, and a new server certificate at each start.
//!
//! Clients trust the authority's certificate (`tls/ca.pem`). Its validity follows the real time and not the product's clock, since clients compare it
//! with their own clocks.

use std::path::PathBuf;

use chrono::{DateTime, Datelike, Days, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

use crate::command_error::CommandError;
use crate::data_folder::DataFolder;
use crate::files::{fault, write_private};
use crate::log::warn;

/// The beginning of the second part of the authority's file.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// Lifetimes in days. Some clients refuse server certificates that live longer.
const SERVER_DAYS: u64 = 397;
const AUTHORITY_DAYS: u64 = 3650;

/// The certificate library's own form of a date, whose type it does not export. Months and days always fit.
macro_rules! date {
    ($instant:expr) => {{
        let instant: DateTime<Utc> = $instant;
        date_time_ymd(instant.year(), u8::try_from(instant.month()).unwrap_or(1), u8::try_from(instant.day()).unwrap_or(1))
    }};
}

/// The PEM texts for a listener.
pub struct ServerCertificate {
    /// The server's certificate, then the authority's.
    pub chain: String,
    pub key: String,
    /// The file of certificates that clients have to trust.
    pub authority_file: PathBuf,
}

/// The data folder's own authority.
struct Authority {
    key: KeyPair,
    certificate: String,
    /// The file of certificates that clients have to trust.
    file: PathBuf,
}

/// Returns the PEM file that clients of this server have to trust; it is made at the first start.
pub fn authority_file(folder: &DataFolder, now: DateTime<Utc>) -> Result<PathBuf, CommandError> {
    open_authority(folder, now).map(|authority| authority.file)
}

fn open_authority(folder: &DataFolder, now: DateTime<Utc>) -> Result<Authority, CommandError> {
    let tls = DataFolder::open(&folder.tls())?;
    let (own_file, file) = (tls.path().join("authority.pem"), tls.path().join("ca.pem"));
    if !own_file.exists() {
        if file.exists() {
            let told = format!(
                "{} is lost, and another authority takes its place: clients must trust the new {}",
                own_file.display(),
                file.display()
            );
            warn(&told, Some("stop, and put the file back from a backup, if clients are to go on as before"));
        }
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = authority(now)?.self_signed(&key).map_err(failed)?;
        // The key and the certificate are in one file, so that an interrupted start cannot separate them.
        write_private(&own_file, format!("{}{}", key.serialize_pem(), certificate.pem()).as_bytes())?;
    }
    let own = std::fs::read_to_string(&own_file).map_err(|error| fault(&own_file, &error))?;
    let unusable = || {
        let message = format!("{} does not hold a key and a certificate", own_file.display());
        CommandError::failed(message).hint("remove it to make a new authority; clients must then trust the new ca.pem")
    };
    let start = own.find(CERTIFICATE).ok_or_else(unusable)?;
    let (key, certificate) = own.split_at(start);
    let key = KeyPair::from_pem(key).map_err(|_| unusable())?;
    if std::fs::read(&file).ok().as_deref() != Some(certificate.as_bytes()) {
        write_private(&file, certificate.as_bytes())?;
    }
    Ok(Authority { key, certificate: certificate.to_owned(), file })
}

/// Makes a certificate for these host names and addresses.
pub fn server_certificate(folder: &DataFolder, names: &[String], now: DateTime<Utc>) -> Result<ServerCertificate, CommandError> {
    let Authority { key: authority_key, certificate: authority_pem, file: authority_file } = open_authority(folder, now)?;
    let issuer = Issuer::new(authority(now)?, authority_key);
    let mut server = CertificateParams::new(names.to_vec()).map_err(failed)?;
    server.distinguished_name = named(names.first().map_or("localhost", String::as_str));
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    (server.not_before, server.not_after) = (date!(yesterday(now)), date!(after(now, SERVER_DAYS)));
    let server_key = KeyPair::generate().map_err(failed)?;
    let certificate = server.signed_by(&server_key, &issuer).map_err(failed)?;
    Ok(ServerCertificate { chain: format!("{}{authority_pem}", certificate.pem()), key: server_key.serialize_pem(), authority_file })
}

fn authority(now: DateTime<Utc>) -> Result<CertificateParams, CommandError> {
    let mut authority = CertificateParams::new(Vec::<String>::new()).map_err(failed)?;
    authority.distinguished_name = named("Insightgate data folder authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (authority.not_before, authority.not_after) = (date!(yesterday(now)), date!(after(now, AUTHORITY_DAYS)));
    Ok(authority)
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Clocks differ, so that a new certificate is valid from a day earlier on.
fn yesterday(now: DateTime<Utc>) -> DateTime<Utc> {
    now.checked_sub_days(Days::new(1)).unwrap_or(now)
}

fn after(now: DateTime<Utc>, days: u64) -> DateTime<Utc> {
    now.checked_add_days(Days::new(days)).unwrap_or(now)
}

fn failed(error: rcgen::Error) -> CommandError {
    CommandError::failed(format!("the TLS certificate could not be made: {error}"))
}

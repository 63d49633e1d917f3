//! What the partner sells in the marketplace: offers with their plans, and the currencies in which customers pay.

/// How an offer is used and billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Virtual machines, billed by the hour of a core.
    Machines,
    /// An application in the customer's subscription that is deployed from a template, billed by the unit of a custom meter.
    Application,
    /// Software as a service, billed by the unit of a custom meter.
    Metered,
    /// Software as a service, billed by the seat and term.
    Seats,
    /// The same, with licenses that the customer's administrators assign to people.
    Licensed,
}

/// `License` is the marketplace's word for how an offer is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum License {
    Billed,
    Own,
    Free,
}

pub struct Offer {
    pub name: &'static str,
    /// The publisher's id of the offer, from which the product's number and the service's key are made.
    pub id: &'static str,
    pub product: &'static str,
    pub offer_type: &'static str,
    pub category: &'static str,
    pub kind: Kind,
    pub license: License,
    /// The days of the trial; 0 without a trial.
    pub trial: u64,
    pub dimension: &'static str,
    pub unit: &'static str,
    pub plans: [Plan; 2],
}

pub struct Plan {
    pub sku: &'static str,
    pub display: &'static str,
    /// The US cents for one unit: a month of a seat, an hour of a core, or a unit of the meter.
    pub price: i64,
}

const fn plan(sku: &'static str, display: &'static str, price: i64) -> Plan {
    Plan { sku, display, price }
}

/// The number of offers is odd, so that offers coincide with everything else that is chosen by counting in every combination. The first three belong
/// to the customers that documented sample queries name; one has the name that these queries write where an offer's name belongs.
#[rustfmt::skip]
pub static OFFERS: [Offer; 9] = [
    Offer { name: "Contoso Gateway", id: "contoso_vm", product: "p-0001", offer_type: "vm core image", category: "Networking", kind: Kind::Machines, license: License::Billed, trial: 180, dimension: "", unit: "Hours", plans: [plan("standard", "standard", 5), plan("gold", "gold-monthly", 12)] },
    Offer { name: "Contoso Database Licenses", id: "contoso_dblicense", product: "p-0002", offer_type: "Virtual Machine Licenses", category: "Databases", kind: Kind::Machines, license: License::Billed, trial: 0, dimension: "", unit: "Hours", plans: [plan("standard", "standard", 9), plan("enterprise", "enterprise", 38)] },
    Offer { name: "Example Offer Name", id: "example_offer", product: "p-0003", offer_type: "Azure Applications", category: "Developer Tools", kind: Kind::Application, license: License::Billed, trial: 0, dimension: "devices", unit: "Devices", plans: [plan("basic", "basic", 40), plan("gold", "gold-monthly", 65)] },
    Offer { name: "Contoso Backup", id: "contoso_backup", product: "p-0004", offer_type: "SaaS", category: "Storage", kind: Kind::Seats, license: License::Billed, trial: 30, dimension: "", unit: "", plans: [plan("standard", "standard", 1_000), plan("gold", "gold-monthly", 2_500)] },
    Offer { name: "Contoso Test Services", id: "contoso_test", product: "p-0005", offer_type: "SaaS", category: "Developer Tools", kind: Kind::Metered, license: License::Billed, trial: 30, dimension: "users", unit: "Requests", plans: [plan("standard", "standard", 3), plan("premium", "premium", 8)] },
    Offer { name: "Contoso Planner", id: "contoso_planner", product: "p-0006", offer_type: "SaaS", category: "Productivity", kind: Kind::Licensed, license: License::Billed, trial: 30, dimension: "", unit: "", plans: [plan("standard", "standard", 600), plan("premium", "premium", 1_400)] },
    Offer { name: "Contoso Scanner", id: "contoso_scanner", product: "p-0007", offer_type: "vm core image", category: "Security", kind: Kind::Machines, license: License::Own, trial: 0, dimension: "", unit: "Hours", plans: [plan("byol", "bring your own license", 0), plan("byol-preview", "bring your own license, preview", 0)] },
    Offer { name: "Contoso Forms", id: "contoso_forms", product: "p-0008", offer_type: "SaaS", category: "Productivity", kind: Kind::Licensed, license: License::Free, trial: 0, dimension: "", unit: "", plans: [plan("free", "free", 0), plan("free-preview", "free, preview", 0)] },
    Offer { name: "Contoso Landing Zone", id: "contoso_landing", product: "p-0009", offer_type: "multisolution", category: "Networking", kind: Kind::Application, license: License::Billed, trial: 90, dimension: "sites", unit: "Sites", plans: [plan("standard", "standard", 900), plan("premium", "premium", 2_200)] },
];

impl Offer {
    /// Whether the offer is billed by usage, not by the term.
    pub fn is_metered(&self) -> bool {
        matches!(self.kind, Kind::Machines | Kind::Application | Kind::Metered)
    }

    /// Whether the offer runs in the customer's own Azure subscription; the other offers run at the publisher's.
    pub fn is_in_azure(&self) -> bool {
        matches!(self.kind, Kind::Machines | Kind::Application)
    }

    pub fn has_licenses(&self) -> bool {
        self.kind == Kind::Licensed
    }
}

/// The marketplace's name of a license.
pub fn license_name(license: License) -> &'static str {
    match license {
        License::Billed => "Billed Through Azure",
        License::Own => "Bring Your Own License",
        License::Free => "Free",
    }
}

/// Each machine's size and number of cores.
pub static MACHINES: [(&str, i64); 5] =
    [("Standard_B1s", 1), ("Standard_D2s_v3", 2), ("Standard_D8s_v3", 8), ("Standard_E16s_v3", 16), ("Standard_M64s", 64)];

pub struct Currency {
    pub code: &'static str,
    /// The US dollars for one unit of the currency. The rate is constant, so that amounts in two currencies can be compared.
    pub dollars: f64,
    /// The culture in which the customer is addressed.
    pub culture: &'static str,
}

/// The currency of a country, by its code; US dollars if none is listed.
pub fn currency(country: &str) -> &'static Currency {
    let known = CURRENCIES.iter().find(|(code, _)| *code == country);
    known.map_or(&CURRENCIES[0].1, |(_, currency)| currency)
}

const fn paid_in(code: &'static str, dollars: f64, culture: &'static str) -> Currency {
    Currency { code, dollars, culture }
}

#[rustfmt::skip]
static CURRENCIES: [(&str, Currency); 12] = [
    ("US", paid_in("USD", 1.0, "en-US")), ("DE", paid_in("EUR", 1.09, "de-DE")), ("GB", paid_in("GBP", 1.27, "en-GB")),
    ("FR", paid_in("EUR", 1.09, "fr-FR")), ("IN", paid_in("INR", 0.012, "en-IN")), ("JP", paid_in("JPY", 0.0067, "ja-JP")),
    ("CA", paid_in("CAD", 0.74, "en-CA")), ("CH", paid_in("CHF", 1.12, "de-CH")), ("BR", paid_in("BRL", 0.2, "pt-BR")),
    ("NL", paid_in("EUR", 1.09, "nl-NL")), ("AU", paid_in("AUD", 0.66, "en-AU")), ("SG", paid_in("SGD", 0.74, "en-SG")),
];

//! The invented customers: companies that Microsoft's documents use in examples, in places where they could be.

use super::random;

/// A company that buys. `size` is its number of seats.
pub struct Company {
    pub name: &'static str,
    pub stem: &'static str,
    place: usize,
    trade: usize,
    pub size: i64,
    /// The identifiers that documented sample queries name.
    pub fixed_tpid: Option<&'static str>,
    pub fixed_tenant: Option<&'static str>,
}

pub struct Place {
    pub country: &'static str,
    pub code: &'static str,
    pub area: &'static str,
    pub city: &'static str,
    pub state: &'static str,
    pub postal: &'static str,
    pub territory: &'static str,
}

pub struct Trade {
    pub industry: &'static str,
    pub vertical: &'static str,
}

/// A company with the identifiers that it has under one seed.
pub struct Customer {
    pub company: &'static Company,
    pub place: &'static Place,
    pub trade: &'static Trade,
    pub tpid: String,
    pub tenant: String,
    pub duns: String,
    pub id: String,
    pub key: u64,
}

impl Company {
    pub fn is_large(&self) -> bool {
        self.size >= 1000
    }
}

/// All companies, in an order that does not depend on the seed. `foreign` leaves out the identifiers that sample queries name.
pub fn customers(seed: u64, foreign: bool) -> Vec<Customer> {
    let make = |(index, company): (usize, &'static Company)| {
        let key = random::mix(seed ^ random::of_text(company.stem));
        let identifier = |fixed: Option<&str>, salt: u64| match fixed {
            Some(fixed) if !foreign => fixed.to_owned(),
            _ => random::guid(random::mix(key ^ salt)),
        };
        Customer {
            company,
            place: PLACES.get(company.place).unwrap_or(&PLACES[0]),
            trade: TRADES.get(company.trade).unwrap_or(&TRADES[0]),
            tpid: identifier(company.fixed_tpid, 1),
            tenant: identifier(company.fixed_tenant, 2),
            duns: format!("{:09}", random::below(key, 1_000_000_000)),
            id: (1_000_345 + 7 * index).to_string(),
            key,
        }
    };
    COMPANIES.iter().enumerate().map(make).collect()
}

const fn company(name: &'static str, stem: &'static str, place: usize, trade: usize, size: i64) -> Company {
    Company { name, stem, place, trade, size, fixed_tpid: None, fixed_tenant: None }
}

/// Sample queries name the first three; small tables reach no further.
static COMPANIES: [Company; 60] = [
    Company {
        fixed_tpid: Some("2a31c234-1f4e-4c60-909e-76d234f93161"),
        fixed_tenant: Some("868368da-957d-4959-8992-3c12dc7e6260"),
        ..company("Contoso", "contoso", 0, 0, 2_400)
    },
    Company { fixed_tpid: Some("80780748-3f9a-11eb-b378-0242ac130002"), ..company("Adventure Works", "adventureworks", 1, 2, 180_000) },
    Company {
        fixed_tpid: Some("0f8b7fa0-eb83-a183-1225-ca153ef807aa"),
        fixed_tenant: Some("7b487ac0-ce12-b732-dcd6-91a1e4e74a50"),
        ..company("Northwind Traders", "northwind", 4, 2, 1_150)
    },
    company("Fabrikam, Inc.", "fabrikam", 2, 0, 3_100),
    company("Tailspin Toys", "tailspintoys", 1, 2, 420),
    company("Wingtip Toys", "wingtiptoys", 3, 2, 260),
    company("Wide World Importers", "wideworldimporters", 5, 2, 5_400),
    company("Woodgrove Bank", "woodgrovebank", 2, 3, 8_800),
    company("Litware, Inc.", "litware", 6, 7, 640),
    company("Proseware, Inc.", "proseware", 0, 7, 310),
    company("A. Datum Corporation", "adatum", 7, 7, 1_900),
    company("Alpine Ski House", "alpineskihouse", 8, 5, 85),
    company("Bellows College", "bellowscollege", 0, 4, 2_700),
    company("Best For You Organics Company", "bestforyouorganics", 9, 9, 120),
    company("Blue Yonder Airlines", "blueyonderairlines", 1, 5, 12_500),
    company("City Power & Light", "citypowerlight", 3, 8, 3_600),
    company("Coho Vineyard", "cohovineyard", 10, 9, 45),
    company("Coho Winery", "cohowinery", 10, 9, 60),
    company("Consolidated Messenger", "consolidatedmessenger", 5, 5, 980),
    company("Contoso Pharmaceuticals", "contosopharma", 8, 1, 6_200),
    company("Contoso Suites", "contososuites", 11, 5, 730),
    company("Cronus International Ltd.", "cronus", 3, 0, 540),
    company("Fabrikam Residences", "fabrikamresidences", 2, 7, 150),
    company("Fincher Architects", "fincherarchitects", 12, 7, 35),
    company("First Up Consultants", "firstupconsultants", 0, 7, 210),
    company("Fourth Coffee", "fourthcoffee", 1, 9, 1_300),
    company("Fourth Coffee Zürich", "fourthcoffee-zh", 8, 9, 90),
    company("Graphic Design Institute", "graphicdesigninstitute", 6, 4, 380),
    company("Humongous Insurance", "humongousinsurance", 4, 3, 9_700),
    company("Lamna Healthcare Company", "lamnahealthcare", 0, 1, 4_100),
    company("Liberty's Delightful Sinful Bakery & Cafe", "libertysbakery", 9, 9, 18),
    company("Lucerne Publishing", "lucernepublishing", 8, 6, 470),
    company("Margie's Travel", "margiestravel", 3, 5, 55),
    company("Munson's Pickles and Preserves Farm", "munsonspickles", 1, 9, 28),
    company("Nod Publishers", "nodpublishers", 7, 6, 230),
    company("Northwind Electric Cars", "northwindelectric", 2, 0, 2_050),
    company("Parnell Aerospace", "parnellaerospace", 1, 0, 3_300),
    company("Relecloud", "relecloud", 13, 7, 690),
    company("School of Fine Art", "schooloffineart", 5, 4, 800),
    company("Southridge Video", "southridgevideo", 0, 6, 75),
    company("Tailwind Traders", "tailwindtraders", 12, 2, 1_600),
    company("The Phone Company", "thephonecompany", 7, 8, 7_400),
    company("Trey Research", "treyresearch", 13, 7, 340),
    company("VanArsdel, Ltd.", "vanarsdel", 6, 0, 1_050),
    company("World Wide Sports", "worldwidesports", 9, 2, 95),
    company("Contoso Deutschland GmbH", "contoso-de", 2, 0, 1_400),
    company("Contoso Japan", "contoso-jp", 6, 0, 520),
    company("Fabrikam India", "fabrikam-in", 5, 0, 1_750),
    company("Fabrikam Nederland B.V.", "fabrikam-nl", 11, 0, 280),
    company("Woodgrove Bank UK", "woodgrovebank-uk", 3, 3, 2_300),
    company("Woodgrove Bank Canada", "woodgrovebank-ca", 7, 3, 1_200),
    company("Adventure Works Cycles", "adventureworks-cycles", 4, 2, 610),
    company("Bellows College Online", "bellowsonline", 12, 4, 190),
    company("Tailspin Toys Brasil", "tailspintoys-br", 9, 2, 140),
    company("Wingtip Toys Australia", "wingtiptoys-au", 12, 2, 110),
    company("Lamna Clinics", "lamnaclinics", 13, 1, 450),
    company("Humongous Insurance France", "humongous-fr", 4, 3, 880),
    company("Trey Research Labs", "treyresearch-labs", 1, 1, 160),
    company("Proseware Cloud Games", "proseware-games", 6, 6, 65),
    company("City of Fabrikam", "cityoffabrikam", 0, 10, 2_900),
];

const fn place(
    country: &'static str,
    code: &'static str,
    area: &'static str,
    city: &'static str,
    state: &'static str,
    postal: &'static str,
    territory: &'static str,
) -> Place {
    Place { country, code, area, city, state, postal, territory }
}

pub static PLACES: [Place; 14] = [
    place("United States", "US", "United States", "Boston", "MA", "02110", "USA - Northeast"),
    place("United States", "US", "United States", "Seattle", "WA", "98101", "USA - West"),
    place("Germany", "DE", "Western Europe", "Munich", "BY", "80331", "DE - South"),
    place("United Kingdom", "GB", "Western Europe", "London", "LND", "EC1A 1BB", "UK - South"),
    place("France", "FR", "Western Europe", "Lyon", "ARA", "69002", "FR - East"),
    place("India", "IN", "Asia", "Hyderabad", "TG", "500081", "IN - South"),
    place("Japan", "JP", "Asia", "Osaka", "27", "530-0001", "JPN - Kansai"),
    place("Canada", "CA", "Canada", "Toronto", "ON", "M5H 2N2", "CA - Ontario"),
    place("Switzerland", "CH", "Western Europe", "Zürich", "ZH", "8001", "CH - German"),
    place("Brazil", "BR", "Latin America", "São Paulo", "SP", "01310-100", "BR - Southeast"),
    place("United States", "US", "United States", "Napa", "CA", "94559", "USA - West"),
    place("Netherlands", "NL", "Western Europe", "Utrecht", "UT", "3511", "NL - Central"),
    place("Australia", "AU", "ANZ", "Sydney", "NSW", "2000", "AU - East"),
    place("Singapore", "SG", "Asia", "Singapore", "SG", "018956", "SG - Central"),
];

static TRADES: [Trade; 11] = [
    Trade { industry: "Manufacturing", vertical: "Discrete Manufacturing" },
    Trade { industry: "Healthcare", vertical: "Provider" },
    Trade { industry: "Retail", vertical: "Retailers" },
    Trade { industry: "Financial Services", vertical: "Banking" },
    Trade { industry: "Education", vertical: "Higher Education" },
    Trade { industry: "Travel and Transportation", vertical: "Hospitality and Travel" },
    Trade { industry: "Media", vertical: "Publishing" },
    Trade { industry: "Professional Services", vertical: "Business Services" },
    Trade { industry: "Energy", vertical: "Utilities" },
    Trade { industry: "Consumer Goods", vertical: "Food and Beverage" },
    Trade { industry: "Government", vertical: "Local Government" },
];

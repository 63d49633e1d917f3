//! What customers buy and partners do: products with their SKUs, Azure services, trainings, competencies, workloads.

/// A product at the level of its SKU. `price` is the US cents for a seat and month.
pub struct Offer {
    pub product: &'static str,
    pub family: &'static str,
    pub raw_name: &'static str,
    pub short_name: &'static str,
    pub sku: &'static str,
    pub sku_id: &'static str,
    pub part_number: &'static str,
    pub division: &'static str,
    pub category: &'static str,
    pub solution_area: &'static str,
    pub price: i64,
}

/// One of the four lines of business to which an offer belongs.
struct Line(&'static str, &'static str, &'static str, &'static str, &'static str);

const M365: Line = Line("Microsoft 365", "Office", "Office 365", "Modern Work", "Modern Work");
const D365: Line = Line("Dynamics 365", "Dynamics", "Dynamics 365", "Business Applications", "Business Applications");
const EMS: Line = Line("Enterprise Mobility + Security", "Enterprise Mobility", "Office 365", "Modern Work", "Security");
const POWER_BI: Line = Line("Power BI", "Power Platform", "Power BI", "Business Applications", "Data & AI");
const AZURE: Line = Line("Microsoft Azure", "Azure", "Azure", "Azure", "Azure");

const fn offer(
    line: &Line,
    raw_name: &'static str,
    short_name: &'static str,
    sku: &'static str,
    sku_id: &'static str,
    part_number: &'static str,
    price: i64,
) -> Offer {
    let Line(product, family, division, category, solution_area) = *line;
    Offer { product, family, raw_name, short_name, sku, sku_id, part_number, division, category, solution_area, price }
}

/// The first SKU of each product also occurs in the small tables.
#[rustfmt::skip]
pub static OFFERS: [Offer; 15] = [
    offer(&M365, "Microsoft 365 Business Standard", "M365 BS", "MICROSOFT 365 BUSINESS STANDARD", "f245ecc8-75af-4f8e-b61f-27d8114de5f3", "CFQ7TTC0LDPB-0001", 1250),
    offer(&M365, "Office 365 E3", "O365 E3", "OFFICE 365 E3", "6fd2c87f-b296-42f0-b197-1e91e994b900", "AAA-10732", 2300),
    offer(&D365, "Dynamics 365 Sales Professional", "D365 Sales", "DYNAMICS 365 SALES PRO", "1c6cd5d8-0b2a-4c6e-9c6e-5a1d3a3f0b11", "CFQ7TTC0LFF1-0001", 6500),
    offer(&EMS, "Enterprise Mobility + Security E3", "EMS E3", "ENTERPRISE MOBILITY + SECURITY E3", "efccb6f7-5641-4e0e-bd10-b4976e1bf68e", "CFQ7TTC0LHT4-0001", 1060),
    offer(&POWER_BI, "Power BI Pro", "PBI Pro", "POWER BI PRO", "f8a1db68-be16-40ed-86d5-cb42ce701560", "CFQ7TTC0L3PB-0001", 1000),
    offer(&AZURE, "Azure Plan", "Azure Plan", "AZURE PLAN", "cdd28e44-67e3-425e-be4c-737fab2899d3", "DZH318Z0BPS6-0001", 0),
    offer(&M365, "Microsoft 365 E5", "M365 E5", "MICROSOFT 365 E5", "06ebc4ee-1bb5-47dd-8120-11324bc54e06", "CFQ7TTC0LFLZ-0002", 5700),
    offer(&M365, "Microsoft 365 Business Premium", "M365 BP", "MICROSOFT 365 BUSINESS PREMIUM", "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "CFQ7TTC0LCHC-0002", 2200),
    offer(&M365, "Microsoft 365 F3", "M365 F3", "MICROSOFT 365 F3", "66b55226-6b4f-492c-910c-a3b7a3c9d993", "CFQ7TTC0LH05-0001", 800),
    offer(&D365, "Dynamics 365 Business Central Essentials", "D365 BC", "DYNAMICS 365 BUSINESS CENTRAL ESSENTIALS", "2880026b-2b0c-4251-8656-5d41ff11e3aa", "CFQ7TTC0LGV0-0001", 7000),
    offer(&D365, "Dynamics 365 Customer Service Enterprise", "D365 CS", "DYNAMICS 365 CUSTOMER SERVICE ENTERPRISE", "eb18b715-ea9d-4290-9994-2ebf4b5042d2", "CFQ7TTC0LFDZ-0001", 9500),
    offer(&D365, "Dynamics 365 Finance", "D365 Finance", "DYNAMICS 365 FINANCE", "55c9eb4e-c746-45b4-b255-9ab6b19d5c62", "CFQ7TTC0LHNL-0001", 18000),
    offer(&EMS, "Enterprise Mobility + Security E5", "EMS E5", "ENTERPRISE MOBILITY + SECURITY E5", "b05e124f-c7cc-45a0-a6aa-8cf78c946968", "CFQ7TTC0LFJ1-0001", 1640),
    offer(&EMS, "Microsoft Intune Plan 1", "Intune", "MICROSOFT INTUNE PLAN 1", "061f9ace-7d42-4136-88ac-31dc755f143f", "CFQ7TTC0LCH4-0001", 800),
    offer(&POWER_BI, "Power BI Premium Per User", "PBI PPU", "POWER BI PREMIUM PER USER", "c1d032e0-5619-4761-9b5c-75b6831e1711", "CFQ7TTC0HL8W-0001", 2000),
];

/// An Azure meter. `quantity` is a usual amount in a month, and `price` is the US cents for one unit, times 100.
pub struct Service {
    pub name: &'static str,
    pub levels: [&'static str; 4],
    pub influencer: &'static str,
    pub groups: [&'static str; 2],
    pub units: &'static str,
    pub quantity: i64,
    pub price: i64,
}

const fn service(
    name: &'static str,
    levels: [&'static str; 4],
    influencer: &'static str,
    groups: [&'static str; 2],
    units: &'static str,
    quantity: i64,
    price: i64,
) -> Service {
    Service { name, levels, influencer, groups, units, quantity, price }
}

#[rustfmt::skip]
pub static SERVICES: [Service; 8] = [
    service("Virtual Machines", ["Compute", "Virtual Machines", "Azure Virtual Machines", "General Purpose Virtual Machines"], "NATIVE WVD", ["App Dev", "Virtual Machines"], "Hours", 744, 980),
    service("Azure DNS", ["Networking", "Azure DNS", "DNS Zones", "Public DNS"], "NATIVE", ["Infrastructure", "DNS"], "1M queries", 45, 4000),
    service("Storage", ["Storage", "Storage", "Blob Storage", "Hot LRS"], "NATIVE", ["Infrastructure", "Storage"], "GB", 5_200, 184),
    service("SQL Database", ["Databases", "SQL Database", "SQL Database", "General Purpose vCore"], "NATIVE", ["App Dev", "SQL Database"], "Hours", 730, 5_200),
    service("Azure App Service", ["Compute", "Azure App Service", "App Service Plans", "Premium v3"], "NATIVE", ["App Dev", "Spring Cloud"], "Hours", 730, 1_600),
    service("Azure Kubernetes Service", ["Compute", "Azure Kubernetes Service", "Azure Kubernetes Service", "Cluster Management"], "AKS", ["App Dev", "Kubernetes"], "Hours", 744, 1_000),
    service("Azure Synapse Analytics", ["Databases", "Azure Synapse Analytics", "Dedicated SQL Pool", "Compute Optimized"], "Azure Databricks", ["AI", "Databricks"], "Hours", 220, 12_000),
    service("Microsoft Sentinel", ["Security", "Sentinel", "Log Analytics", "Sentinel"], "NATIVE", ["IoT", "IoT Hub"], "GB", 340, 24_600),
];

/// Each training's activity, title, module, products and roles.
#[rustfmt::skip]
pub static TRAININGS: [(&str, &str, &str, &str, &str); 8] = [
    ("AZ-900", "Microsoft Azure Fundamentals", "Explore Azure compute", "azure", "administrator"),
    ("MS-700", "Managing Microsoft Teams", "Introduction to Teams", "microsoft-teams", "administrator"),
    ("AZ-104", "Microsoft Azure Administrator", "Configure virtual networks", "azure", "administrator"),
    ("AZ-204", "Developing Solutions for Microsoft Azure", "Implement Azure Functions", "azure", "developer"),
    ("PL-300", "Microsoft Power BI Data Analyst", "Clean data in Power BI", "power-bi", "data-analyst"),
    ("MB-800", "Dynamics 365 Business Central Functional Consultant", "Set up Business Central", "dynamics-365", "functional-consultant"),
    ("SC-200", "Microsoft Security Operations Analyst", "Hunt threats with Sentinel", "azure-sentinel", "security-operations-analyst"),
    ("DP-203", "Data Engineering on Microsoft Azure", "Design a data lake", "azure-synapse-analytics", "data-engineer"),
];

/// Each competency with its option, metric, gold threshold and silver threshold.
#[rustfmt::skip]
pub static COMPETENCIES: [(&str, &str, &str, i64, i64); 6] = [
    ("Cloud Platform", "Azure Performance", "Azure consumption", 100_000, 10_000),
    ("Data Analytics", "Azure Performance", "Azure consumption", 100_000, 10_000),
    ("Cloud Productivity", "Cloud Customer Adds", "Customer adds", 60, 20),
    ("Small and Midmarket Cloud Solutions", "Cloud Customer Adds", "Customer adds", 25, 10),
    ("Enterprise Mobility Management", "Active Users", "Active users", 5_000, 1_500),
    ("Cloud Business Applications", "Seats Sold", "Seats sold", 300, 150),
];

/// Each workload's category, name and SKU group.
#[rustfmt::skip]
pub static WORKLOADS: [(&str, &str, &str); 6] = [
    ("CE", "Sales", "D365 Sales"),
    ("CE", "Customer Service", "D365 Customer Service"),
    ("ERP", "Business Central", "D365 Business Central"),
    ("ERP", "Finance", "D365 Finance"),
    ("Power Platform", "Power Apps", "Power Apps"),
    ("Power Platform", "AI Builder", "AI Builder"),
];

/// The personas of Microsoft's demo tenants.
#[rustfmt::skip]
pub static PERSONAS: [(&str, &str); 16] = [
    ("Alex", "Wilber"), ("Adele", "Vance"), ("Diego", "Siciliani"), ("Grady", "Archie"), ("Henrietta", "Mueller"), ("Isaiah", "Langer"),
    ("Johanna", "Lorenz"), ("Joni", "Sherman"), ("Lee", "Gu"), ("Lidia", "Holloway"), ("Lynne", "Robbins"), ("Megan", "Bowen"),
    ("Miriam", "Graham"), ("Nestor", "Wilke"), ("Patti", "Fernandez"), ("Pradeep", "Gupta"),
];

/// Each reseller's MPN id, name and market, and its provider's MPN id and name.
#[rustfmt::skip]
pub static RESELLERS: [(&str, &str, &str, &str, &str); 6] = [
    ("1051001", "Tailspin Resellers", "US", "1002001", "Litware Distribution"),
    ("1051002", "Wingtip Partners", "GB", "1002002", "Proseware Cloud"),
    ("1051003", "Fabrikam Systemhaus", "DE", "1002001", "Litware Distribution"),
    ("1051004", "Northwind IT Services", "US", "1002002", "Proseware Cloud"),
    ("1051005", "Coho Consulting", "FR", "1002001", "Litware Distribution"),
    ("1051006", "Trey Cloud Services", "IN", "1002002", "Proseware Cloud"),
];

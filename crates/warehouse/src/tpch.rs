//! The TPC-H tables under the names and types that every Snowflake account has.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatchReader;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::Result;
use domain::SqlType;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow,
    SupplierArrow,
};

use crate::table::{Generate, MemoryTable};
use crate::types;

/// The database that holds them.
pub(crate) const DATABASE: &str = "SNOWFLAKE_SAMPLE_DATA";
/// The schema in it; the name stays the same at every scale.
pub(crate) const SCHEMA: &str = "TPCH_SF1";

const KEY: SqlType = types::NUMBER;
const MONEY: SqlType = SqlType::Fixed { precision: 12, scale: 2 };

const fn text(length: u64) -> SqlType {
    SqlType::Text { length }
}

/// Every table, each generated when it is first read.
pub(crate) fn tables(scale: f64) -> Vec<(&'static str, MemoryTable)> {
    vec![
        table("CUSTOMER", CUSTOMER, move || {
            Box::new(CustomerArrow::new(CustomerGenerator::new(scale, 1, 1)))
        }),
        table("LINEITEM", LINEITEM, move || {
            Box::new(LineItemArrow::new(LineItemGenerator::new(scale, 1, 1)))
        }),
        table("NATION", NATION, move || Box::new(NationArrow::new(NationGenerator::new(scale, 1, 1)))),
        table("ORDERS", ORDERS, move || Box::new(OrderArrow::new(OrderGenerator::new(scale, 1, 1)))),
        table("PART", PART, move || Box::new(PartArrow::new(PartGenerator::new(scale, 1, 1)))),
        table("PARTSUPP", PARTSUPP, move || {
            Box::new(PartSuppArrow::new(PartSuppGenerator::new(scale, 1, 1)))
        }),
        table("REGION", REGION, move || Box::new(RegionArrow::new(RegionGenerator::new(scale, 1, 1)))),
        table("SUPPLIER", SUPPLIER, move || {
            Box::new(SupplierArrow::new(SupplierGenerator::new(scale, 1, 1)))
        }),
    ]
}

fn table(
    name: &'static str,
    columns: &[(&str, SqlType)],
    reader: impl Fn() -> Box<dyn RecordBatchReader> + Send + Sync + 'static,
) -> (&'static str, MemoryTable) {
    // Snowflake's own sample data declares its keys NOT NULL and the comments nullable.
    let fields = columns.iter().map(|(n, t)| types::field(n, t, n.ends_with("_COMMENT")));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let made = Arc::clone(&schema);
    let generate: Generate = Box::new(move || reader().map(|batch| convert(&batch?, &made)).collect());
    (name, MemoryTable::generated(schema, generate))
}

/// The generator's types (views, NUMBER(15,2)) to Snowflake's.
fn convert(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns =
        columns.map(|(array, field)| cast(array, field.data_type())).collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

const CUSTOMER: &[(&str, SqlType)] = &[
    ("C_CUSTKEY", KEY),
    ("C_NAME", text(25)),
    ("C_ADDRESS", text(40)),
    ("C_NATIONKEY", KEY),
    ("C_PHONE", text(15)),
    ("C_ACCTBAL", MONEY),
    ("C_MKTSEGMENT", text(10)),
    ("C_COMMENT", text(117)),
];

const LINEITEM: &[(&str, SqlType)] = &[
    ("L_ORDERKEY", KEY),
    ("L_PARTKEY", KEY),
    ("L_SUPPKEY", KEY),
    ("L_LINENUMBER", KEY),
    ("L_QUANTITY", MONEY),
    ("L_EXTENDEDPRICE", MONEY),
    ("L_DISCOUNT", MONEY),
    ("L_TAX", MONEY),
    ("L_RETURNFLAG", text(1)),
    ("L_LINESTATUS", text(1)),
    ("L_SHIPDATE", SqlType::Date),
    ("L_COMMITDATE", SqlType::Date),
    ("L_RECEIPTDATE", SqlType::Date),
    ("L_SHIPINSTRUCT", text(25)),
    ("L_SHIPMODE", text(10)),
    ("L_COMMENT", text(44)),
];

const NATION: &[(&str, SqlType)] =
    &[("N_NATIONKEY", KEY), ("N_NAME", text(25)), ("N_REGIONKEY", KEY), ("N_COMMENT", text(152))];

const ORDERS: &[(&str, SqlType)] = &[
    ("O_ORDERKEY", KEY),
    ("O_CUSTKEY", KEY),
    ("O_ORDERSTATUS", text(1)),
    ("O_TOTALPRICE", MONEY),
    ("O_ORDERDATE", SqlType::Date),
    ("O_ORDERPRIORITY", text(15)),
    ("O_CLERK", text(15)),
    ("O_SHIPPRIORITY", KEY),
    ("O_COMMENT", text(79)),
];

const PART: &[(&str, SqlType)] = &[
    ("P_PARTKEY", KEY),
    ("P_NAME", text(55)),
    ("P_MFGR", text(25)),
    ("P_BRAND", text(10)),
    ("P_TYPE", text(25)),
    ("P_SIZE", KEY),
    ("P_CONTAINER", text(10)),
    ("P_RETAILPRICE", MONEY),
    ("P_COMMENT", text(23)),
];

const PARTSUPP: &[(&str, SqlType)] = &[
    ("PS_PARTKEY", KEY),
    ("PS_SUPPKEY", KEY),
    ("PS_AVAILQTY", KEY),
    ("PS_SUPPLYCOST", MONEY),
    ("PS_COMMENT", text(199)),
];

const REGION: &[(&str, SqlType)] = &[("R_REGIONKEY", KEY), ("R_NAME", text(25)), ("R_COMMENT", text(152))];

const SUPPLIER: &[(&str, SqlType)] = &[
    ("S_SUPPKEY", KEY),
    ("S_NAME", text(25)),
    ("S_ADDRESS", text(40)),
    ("S_NATIONKEY", KEY),
    ("S_PHONE", text(15)),
    ("S_ACCTBAL", MONEY),
    ("S_COMMENT", text(101)),
];

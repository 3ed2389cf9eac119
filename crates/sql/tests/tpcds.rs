//! The tables of TPC-DS, and questions like those that the benchmark asks: every column is known.

use std::collections::BTreeMap;

use domain::{Catalog, Class, Context, Statement};
use sql::{Scope, catalog_from_ddl, read};

fn catalog() -> Catalog {
    catalog_from_ddl(include_str!("data/tpcds.sql"), "TPC", "DS")
}

fn read_in(catalog: &Catalog, text: &str) -> Statement {
    let context = Context { database: Some("TPC".into()), schema: Some("DS".into()), ..Context::default() };
    let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
    read(text, &Scope { context: &context, catalog, bindings: &bindings, variables: &variables })
}

#[track_caller]
fn check(text: &str, tables: &[&str], columns: &[(&str, &[&str])]) {
    let statement = read_in(&catalog(), text);
    assert_eq!(statement.class, Class::Read, "{text}: {:?}", statement.why);
    let reads: Vec<&str> = statement.footprint.reads.iter().map(|object| object.name.as_str()).collect();
    assert_eq!(reads, tables, "{text}");
    let outputs = statement.lineage.outputs.unwrap_or_default();
    assert!(outputs.iter().all(|output| output.is_known), "{text}\n{outputs:#?}");
    let found: Vec<(String, Vec<String>)> = outputs
        .iter()
        .map(|output| {
            let shows = output.shows.iter().map(|shown| shown.column.column.clone());
            (output.name.clone().unwrap_or_default(), shows.collect())
        })
        .collect();
    let expected: Vec<(String, Vec<String>)> = columns
        .iter()
        .map(|(name, shows)| ((*name).to_owned(), shows.iter().map(|shown| (*shown).to_owned()).collect()))
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn the_specification_has_24_tables_and_425_columns() {
    let catalog = catalog();
    let is_plain = |name: &str| name == name.to_ascii_uppercase();
    let described = |schema: &str| schema == "INFORMATION_SCHEMA";
    let tables: Vec<_> = catalog
        .relations
        .iter()
        .filter(|(name, _)| is_plain(&name.name) && !described(&name.schema))
        .map(|(_, relation)| relation.columns.len())
        .collect();
    assert_eq!((tables.len(), tables.iter().sum::<usize>()), (24, 425));
    let quoted = catalog.relations.keys().filter(|name| !is_plain(&name.name)).count();
    assert_eq!(quoted, 24);
}

#[test]
fn sales_by_month_and_brand() {
    check(
        "select d.d_year, i.i_brand_id brand_id, i.i_brand brand, sum(ss_ext_sales_price) sum_agg
         from date_dim d, store_sales, item i
         where d.d_date_sk = ss_sold_date_sk and ss_item_sk = i.i_item_sk and i_manufact_id = 17 and d.d_moy = 12
         group by d.d_year, i.i_brand, i.i_brand_id
         order by d.d_year, sum_agg desc, brand_id
         limit 100",
        &["DATE_DIM", "ITEM", "STORE_SALES"],
        &[
            ("D_YEAR", &["D_YEAR"]),
            ("BRAND_ID", &["I_BRAND_ID"]),
            ("BRAND", &["I_BRAND"]),
            ("SUM_AGG", &["SS_EXT_SALES_PRICE"]),
        ],
    );
}

#[test]
fn customers_who_return_more_than_their_store() {
    check(
        "with ctr as (
           select sr_customer_sk as customer, sr_store_sk as store, sum(sr_fee) as total
           from store_returns join date_dim on sr_returned_date_sk = d_date_sk and d_year = 2000
           group by sr_customer_sk, sr_store_sk)
         select c_customer_id, c_last_name || ', ' || c_first_name as full_name
         from ctr a, store, customer
         where a.total > (select avg(total) * 1.2 from ctr b where a.store = b.store)
           and s_store_sk = a.store and s_state = 'TN' and a.customer = c_customer_sk
         order by c_customer_id",
        &["CUSTOMER", "DATE_DIM", "STORE", "STORE_RETURNS"],
        &[("C_CUSTOMER_ID", &["C_CUSTOMER_ID"]), ("FULL_NAME", &["C_FIRST_NAME", "C_LAST_NAME"])],
    );
}

#[test]
fn three_channels_rolled_up() {
    check(
        "with sold as (
           select ss_item_sk item, ss_sold_date_sk day, ss_net_profit profit, 'store' channel from store_sales
           union all select cs_item_sk, cs_sold_date_sk, cs_net_profit, 'catalog' from catalog_sales
           union all select ws_item_sk, ws_sold_date_sk, ws_net_profit, 'web' from web_sales)
         select channel, i_category, sum(profit) profit,
           rank() over (partition by grouping(channel) + grouping(i_category) order by sum(profit) desc) place
         from sold join item on item = i_item_sk join date_dim on day = d_date_sk
         group by rollup (channel, i_category)
         qualify place <= 10",
        &["CATALOG_SALES", "DATE_DIM", "ITEM", "STORE_SALES", "WEB_SALES"],
        &[
            ("CHANNEL", &[]),
            ("I_CATEGORY", &["I_CATEGORY"]),
            ("PROFIT", &["CS_NET_PROFIT", "SS_NET_PROFIT", "WS_NET_PROFIT"]),
            ("PLACE", &["CS_NET_PROFIT", "I_CATEGORY", "SS_NET_PROFIT", "WS_NET_PROFIT"]),
        ],
    );
}

#[test]
fn days_until_shipped_counted_by_warehouse() {
    check(
        "select substr(w_warehouse_name, 1, 20), sm_type, cc_name,
           sum(case when cs_ship_date_sk - cs_sold_date_sk <= 30 then 1 else 0 end) as \"30 days\",
           count_if(cs_ship_date_sk - cs_sold_date_sk between 31 and 60) as \"60 days\"
         from catalog_sales
         inner join warehouse on cs_warehouse_sk = w_warehouse_sk
         left join ship_mode on cs_ship_mode_sk = sm_ship_mode_sk
         left join call_center on cs_call_center_sk = cc_call_center_sk
         where cs_ship_date_sk in (select d_date_sk from date_dim where d_month_seq between 1200 and 1211)
         group by all",
        &["CALL_CENTER", "CATALOG_SALES", "DATE_DIM", "SHIP_MODE", "WAREHOUSE"],
        &[
            ("", &["W_WAREHOUSE_NAME"]),
            ("SM_TYPE", &["SM_TYPE"]),
            ("CC_NAME", &["CC_NAME"]),
            ("30 days", &["CS_SHIP_DATE_SK", "CS_SOLD_DATE_SK"]),
            ("60 days", &["CS_SHIP_DATE_SK", "CS_SOLD_DATE_SK"]),
        ],
    );
}

#[test]
fn inventory_before_and_after_a_day() {
    check(
        "select * from (
           select w_warehouse_name, i_item_id,
             sum(iff(d_date < '2000-03-11'::date, inv_quantity_on_hand, 0)) as before,
             sum(iff(d_date >= '2000-03-11'::date, inv_quantity_on_hand, 0)) as after
           from inventory, warehouse, item, date_dim
           where i_item_sk = inv_item_sk and inv_warehouse_sk = w_warehouse_sk and inv_date_sk = d_date_sk
           group by 1, 2) x
         where iff(before > 0, after / before, null) between 2.0 / 3.0 and 3.0 / 2.0",
        &["DATE_DIM", "INVENTORY", "ITEM", "WAREHOUSE"],
        &[
            ("W_WAREHOUSE_NAME", &["W_WAREHOUSE_NAME"]),
            ("I_ITEM_ID", &["I_ITEM_ID"]),
            ("BEFORE", &["D_DATE", "INV_QUANTITY_ON_HAND"]),
            ("AFTER", &["D_DATE", "INV_QUANTITY_ON_HAND"]),
        ],
    );
}

#[test]
fn customers_of_one_channel_who_are_not_of_another() {
    check(
        "select cd_gender, cd_education_status, count(*) cnt
         from customer c join customer_demographics on cd_demo_sk = c.c_current_cdemo_sk
         where exists (select * from store_sales where c.c_customer_sk = ss_customer_sk)
           and not exists (select * from web_sales, date_dim where c.c_customer_sk = ws_bill_customer_sk
             and ws_sold_date_sk = d_date_sk and d_qoy < 4)
         group by cd_gender, cd_education_status",
        &["CUSTOMER", "CUSTOMER_DEMOGRAPHICS", "DATE_DIM", "STORE_SALES", "WEB_SALES"],
        &[("CD_GENDER", &["CD_GENDER"]), ("CD_EDUCATION_STATUS", &["CD_EDUCATION_STATUS"]), ("CNT", &[])],
    );
}

#[test]
fn names_in_quotes_are_other_tables() {
    check(
        "select \"web_site\".\"web_name\" as \"web_name\", count(distinct \"web_returns\".\"wr_order_number\") as \"_col_1\"
         from \"web_returns\" as \"web_returns\"
         join \"web_page\" as \"web_page\" on \"web_page\".\"wp_web_page_sk\" = \"web_returns\".\"wr_web_page_sk\"
         cross join \"web_site\" as \"web_site\" group by \"web_site\".\"web_name\"",
        &["web_page", "web_returns", "web_site"],
        &[("web_name", &["web_name"]), ("_col_1", &[])],
    );
}

#[test]
fn a_column_that_the_specification_does_not_have_is_not_known() {
    let statement = read_in(&catalog(), "select ss_nothing, ss_item_sk from store_sales");
    let known: Vec<bool> =
        statement.lineage.outputs.unwrap_or_default().iter().map(|output| output.is_known).collect();
    assert_eq!(known, [false, true]);
}

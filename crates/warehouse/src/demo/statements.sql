-- The demo: what the embedded warehouse is sure to run. Each statement follows a line `-- name`, and the lines
-- `-- rows` (how many) and `-- first` (the first row as JSON) say what it answers at scale 0.01. They run in this order.

-- a customer
-- rows 3
-- first ["Customer#000000001","25-989-741-2988","711.56"]
select c_name, c_phone as contact, c_acctbal from snowflake_sample_data.tpch_sf1.customer order by c_custkey limit 3

-- the server and the session
-- rows 1
-- first ["ANALYST","SNOWGATE_DEMO","DEMO_WH","DEMO","PUBLIC"]
select current_role(), current_user(), current_warehouse(), current_database(), current_schema()

-- how many of each
-- rows 1
-- first ["60175","15000","1500"]
select (select count(*) from snowflake_sample_data.tpch_sf1.lineitem) as lines, (select count(*) from snowflake_sample_data.tpch_sf1.orders) as orders, count(*) from snowflake_sample_data.tpch_sf1.customer

-- a join with grouping
-- rows 5
-- first ["MOROCCO","72","394881.83"]
select n.n_name as nation, count(*) as customers, sum(c.c_acctbal) as balance from snowflake_sample_data.tpch_sf1.customer c join snowflake_sample_data.tpch_sf1.nation n on n.n_nationkey = c.c_nationkey group by n.n_name order by balance desc, nation limit 5

-- TPC-H 1, the pricing summary
-- rows 4
-- first ["A","F","380456.00","505822441.4861","0.050081","14876"]
select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice * (1 - l_discount)) as sum_disc_price, avg(l_discount) as avg_disc, count(*) as count_order from snowflake_sample_data.tpch_sf1.lineitem where l_shipdate <= dateadd(day, -90, to_date('1998-12-01')) group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus

-- TPC-H 3, the shipping priority
-- rows 10
-- first ["47714","267010.5894","9200","0"]
select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority from snowflake_sample_data.tpch_sf1.customer, snowflake_sample_data.tpch_sf1.orders, snowflake_sample_data.tpch_sf1.lineitem where c_mktsegment = 'BUILDING' and c_custkey = o_custkey and l_orderkey = o_orderkey and o_orderdate < date '1995-03-15' and l_shipdate > date '1995-03-15' group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate limit 10

-- a common table expression
-- rows 1
-- first ["892","5408941.28"]
with big as (select o_custkey, sum(o_totalprice) as spent from snowflake_sample_data.tpch_sf1.orders group by o_custkey having sum(o_totalprice) > 1000000) select count(*) as spenders, max(spent) as most from big

-- the best order of each customer
-- rows 2
-- first ["1","9154","357345.46"]
select o_custkey, o_orderkey, o_totalprice from snowflake_sample_data.tpch_sf1.orders qualify row_number() over (partition by o_custkey order by o_totalprice desc, o_orderkey) = 1 order by o_custkey limit 2

-- a running total
-- rows 3
-- first ["8035","138053.06"]
select o_orderdate, sum(o_totalprice) over (order by o_orderdate, o_orderkey rows unbounded preceding) as running from snowflake_sample_data.tpch_sf1.orders order by o_orderdate, o_orderkey limit 3

-- grouping by all
-- rows 3
-- first ["F","1-URGENT","1468"]
select o_orderstatus, o_orderpriority, count(*) from snowflake_sample_data.tpch_sf1.orders group by all order by 1, 2 limit 3

-- months
-- rows 2
-- first ["8035","203"]
select date_trunc('month', o_orderdate) as month, count(*) as orders from snowflake_sample_data.tpch_sf1.orders group by 1 order by 1 limit 2

-- a union
-- rows 4
-- first ["AFRICA"]
select r_name as name from snowflake_sample_data.tpch_sf1.region union all select n_name from snowflake_sample_data.tpch_sf1.nation order by name limit 4

-- a semi-join
-- rows 1
-- first ["7"]
select count(*) from snowflake_sample_data.tpch_sf1.supplier where s_nationkey in (select n_nationkey from snowflake_sample_data.tpch_sf1.nation where n_name in ('FRANCE', 'GERMANY'))

-- unqualified names
-- rows 1
-- first ["2000"]
use schema snowflake_sample_data.tpch_sf1; select count(*) from part

-- a person
-- rows 1
-- first ["7","Uma Tanaka","uma.tanaka7@example.org","716-96-5901","5555553250779069","7860","+1-774-555-0143","JP"]
select id, name, email, ssn, card_number, dob, phone, country from customers where id = 7

-- a path in a variant
-- rows 2
-- first ["1","oskar.kimura1@example.com","Fairview","79","\"music\""]
select id, profile:email::string as email, profile:address.city::string as city, profile:visits::number as visits, profile:tags[0] as tag from customers order by id limit 2

-- a test on a path
-- rows 1
-- first ["69"]
select count(*) from customers where profile:tier = 'gold' and profile:visits > 100

-- a whole variant
-- rows 1
-- first ["{\"address\":{\"city\":\"Fairview\",\"street\":\"36 Orchard Way\",\"zip\":\"47095\"},\"email\":\"oskar.kimura1@example.com\",\"newsletter\":true,\"phone\":\"+1-836-555-0159\",\"ssn\":\"575-82-0993\",\"tags\":[\"music\",\"kitchen\"],\"tier\":\"silver\",\"visits\":79}"]
select profile from customers where id = 1

-- made of parts
-- rows 1
-- first ["{\"country\":\"SE\",\"id\":1,\"name\":\"Oskar Kimura\"}"]
select object_construct('id', id, 'name', name, 'country', country) as person from customers order by id limit 1

-- parsed
-- rows 1
-- first ["c","ARRAY","3"]
select parse_json('{"a": [1, 2, {"b": "c"}]}'):a[2].b::string as b, typeof(parse_json('[1]')) as kind, array_size(array_construct(1, 2, 3)) as size

-- a view
-- rows 1
-- first ["Oskar Kimura","oskar.kimura1@example.com","575-82-0993"]
select full_name, contact, tax_ref from v_customers order by id limit 1

-- a view that counts
-- rows 3
-- first ["BR","41","41"]
select country, n, unique_contacts from v_country_stats order by n desc, country limit 3

-- joined people
-- rows 2
-- first ["Rosa Grabowski","1","586.00","GB37NWBK60161301262647","7360"]
select c.name, o.id as order_id, o.amount, p.iban, p.last4 from customers c join orders o on o.customer_id = c.id left join payments p on p.order_id = o.id order by o.id limit 2

-- the highest paid
-- rows 3
-- first ["engineering","Lena Okafor","127000"]
select dept, name, salary from employees qualify rank() over (partition by dept order by salary desc) = 1 order by dept, name limit 3

-- managers
-- rows 1
-- first ["Tove Ivanova",null]
select e.name as employee, m.name as manager from employees e left join employees m on m.id = e.manager_id order by e.id limit 1

-- if, case and nulls
-- rows 1
-- first ["early","none","0","0","older"]
select iff(id > 200, 'late', 'early') as age, nvl(phone, 'none') as phone, zeroifnull(null) as zero, decode(segment, 'vip', 1, 0) as is_vip, case when dob < '1970-01-01' then 'older' else 'younger' end as born from customers where id = 10

-- a list
-- rows 5
-- first ["Africa","KE"]
select region, listagg(code, ',') within group (order by code) as codes from countries group by region order by region

-- texts
-- rows 1
-- first ["FARID NOWAK","24","example.com","4111","5589","false"]
select upper(name), length(email), split_part(email, '@', 2), left(card_number, 4), right(card_number, 4), contains(notes, 'call') from customers where id = 3

-- like
-- rows 1
-- first ["188","18","400"]
select count_if(email ilike '%@EXAMPLE.COM') as com, count_if(name like 'A%') as a, count_if(rlike(sku_like, 'SKU-[0-9]{4}')) as skus from (select email, name, 'SKU-0001' as sku_like from customers)

-- dates
-- rows 1
-- first ["326","20512","2026","2026-11-23 10:11","20512"]
select datediff(day, '2026-01-01'::date, '2026-11-23'::date) as days, dateadd(month, 1, '2026-01-31'::date) as next, year('2026-11-23'::date) as year, to_varchar('2026-11-23 10:11:12'::timestamp, 'YYYY-MM-DD HH24:MI') as text, last_day('2026-02-10'::date) as last

-- numbers
-- rows 1
-- first ["3.500000","0.333333","1","2.46","0.000000","12.50","1.5"]
select 7 / 2 as half, 1 / 3 as third, 10 % 3 as rest, round(2.456, 2) as rounded, div0(1, 0) as none, '12.50'::number(10,2) as cast_number, 1.5::float as real

-- types
-- rows 1
-- first ["true","20780","36672.500000000","1795428672.123456789","FF00",null]
select true as b, '2026-11-23'::date as d, '10:11:12.5'::time as t, '2026-11-23 10:11:12.123456789'::timestamp_ntz as n, 'FF00'::varchar as v, null as nothing

-- names
-- rows 1
-- first ["1","2","12","2","text"]
select 1 as lower_name, 2 as "Quoted Name", count(*), 1 + 1, 'text' from countries

-- the same name twice
-- rows 1
-- first ["AU","AU","Australia"]
select code, code, name as code from countries order by countries.code limit 1

-- from nothing
-- rows 1
-- first ["1000","499500"]
select count(*) as n, sum(v) as total from (select seq4() as v from table(generator(rowcount => 1000)))

-- variables
-- rows 1
-- first ["30"]
set floor = 90000; select count(*) from employees where salary > $floor

-- databases
-- rows 2
-- first [null,"DEMO","N","Y","","ANALYST","","STANDARD"]
show databases

-- schemas
-- rows 2
-- first [null,"INFORMATION_SCHEMA","N","N","DEMO","ANALYST",""]
show schemas in database demo

-- tables
-- rows 2
-- first ["*","COUNTRIES","DEMO","PUBLIC","TABLE","","12","ANALYST",null]
show tables like 'c%' in schema demo.public

-- views
-- rows 2
-- first ["*","V_COUNTRY_STATS","DEMO","PUBLIC","VIEW","",null,"ANALYST","create view V_COUNTRY_STATS as select country, count(*) as n, count(distinct email) as unique_contacts from customers group by country"]
show views in demo.public

-- columns
-- rows 7
-- first ["PAYMENTS","PUBLIC","ID","{\"nullable\":true,\"precision\":38,\"scale\":0,\"type\":\"FIXED\"}","true","","COLUMN","","","DEMO",""]
show columns in table demo.public.payments

-- a description
-- rows 8
-- first ["C_CUSTKEY","NUMBER(38,0)","COLUMN","N",null,"N","N",null,null,null,null]
describe table snowflake_sample_data.tpch_sf1.customer

-- the information schema
-- rows 3
-- first ["CUSTOMERS","ID","NUMBER"]
select table_name, column_name, data_type from information_schema.columns where table_schema = 'PUBLIC' and table_name = 'CUSTOMERS' order by ordinal_position limit 3

-- a plan
-- rows 3
-- first ["1","0",null,"Projection",null,null,"SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.CUSTOMER.C_NAME",null,null,null]
explain select c_name from snowflake_sample_data.tpch_sf1.customer where c_custkey = 1

-- a new table
-- rows 1
-- first ["Table VIPS successfully created."]
create or replace table vips as select id, name, segment from customers where segment = 'vip'

-- a table with columns
-- rows 1
-- first ["Table TICKETS successfully created."]
create table if not exists tickets (id number not null, subject varchar(100), price number(10,2), opened timestamp_ntz, body variant)

-- new tickets
-- rows 1
-- first ["3"]
insert into tickets (id, subject, price) values (1, 'printer', 10.5), (2, 'it''s late', null), (3, 'lamp', 7)

-- copied
-- rows 1
-- first ["5"]
insert into tickets select id + 100, name, null, null, null from customers where id <= 5

-- changed rows
-- rows 1
-- first ["2","0"]
update tickets set price = price * 2, subject = upper(subject) where id in (select id from tickets where price is not null)

-- after the change
-- rows 3
-- first ["1","PRINTER","21.00"]
select id, subject, price from tickets order by id limit 3

-- fewer rows
-- rows 1
-- first ["5"]
delete from tickets where id > 100

-- a new view
-- rows 1
-- first ["View OPEN_TICKETS successfully created."]
create or replace view open_tickets as select id, subject from tickets where opened is null

-- the new view
-- rows 1
-- first ["1","PRINTER"]
select * from open_tickets order by id limit 1

-- no rows
-- rows 1
-- first ["Statement executed successfully."]
truncate table tickets

-- without the table
-- rows 1
-- first ["TICKETS successfully dropped."]
drop table tickets

-- without the view
-- rows 1
-- first ["OPEN_TICKETS successfully dropped."]
drop view open_tickets

-- a transaction
-- rows 1
-- first ["Nobody"]
begin; insert into vips values (9001, 'Nobody', 'vip'); commit; select name from vips where id = 9001

-- a session parameter
-- rows 1
-- first ["Statement executed successfully."]
alter session set query_tag = 'demo'

-- without the copy
-- rows 1
-- first ["VIPS successfully dropped."]
drop table if exists vips

-- plain columns | like `plain` | clear
select id, country, segment from customers order by id limit 5

-- a scary alias | a harmless column under a sensitive name | clear
select price * 1.19 as card_number, name as ssn from products order by sku limit 5

-- scary words | sensitive words in texts and comments | clear
select 'ssn' as email, 'card_number' as v /* ssn */ -- email

-- a scary pattern | sensitive words searched for in harmless columns | clear
select sku, name from products where name ilike '%card%' or name like '%lamp%' order by sku

-- an ordinary filter | like `equals` | clear
select id, amount, status from orders where status = 'shipped' and amount > 800 order by id

-- a filter by date | like `an age` | clear
select id, signup_date from customers where signup_date >= '2024-01-01' order by id limit 20

-- a filter by list | like `in a list` | clear
select id from customers where country in ('DE', 'FR') and segment not in ('vip') order by id limit 20

-- a filter by a subquery | like `exists` | clear
select id from orders o where exists (select 1 from payments p where p.order_id = o.id and p.amount > 800) order by id

-- in order | like `in order` | clear
select id, amount from orders order by amount desc, id limit 5

-- in groups | like `in groups` | clear
select country, count(*) as n from customers group by country order by country

-- in groups by place | grouped and sorted by place | clear
select date_trunc('month', created_at) as month, sum(amount) as total from orders group by 1 order by 1

-- groups by all | grouped by what is no aggregate | clear
select country, segment, count(*) as n from customers group by all order by 1, 2

-- having | like `having` | clear
select status, count(*) as n from orders group by status having count(*) > 10 order by status

-- each once | like `each once` | clear
select distinct segment from customers order by 1

-- counted | how many there are | clear
select count(*), count(email), count(distinct ssn) from customers

-- counted about | about how many there are | clear
select approx_count_distinct(country) as n from customers

-- how many have none | absence is no value | clear
select count(*) as n from customers where phone is null

-- who has one | presence is no value | clear
select id, phone is not null as reachable from customers order by id limit 20

-- a join by key | like `a join with another class` | clear
select o.id, c.country, c.segment from orders o join customers c on c.id = o.customer_id order by o.id limit 20

-- an outer join | rows that have no match | clear
select o.id, p.amount from orders o left join payments p on p.order_id = o.id order by o.id limit 20

-- a join of the same class | two stored columns of one class | clear
select count(*) as n from customers c join payments p on p.card_number = c.card_number

-- a self join | a table twice | clear
select e.name as employee, m.name as manager from employees e left join employees m on m.id = e.manager_id order by e.id limit 20

-- a CTE | like `a CTE` | clear
with t as (select customer_id, sum(amount) as total from orders group by customer_id) select count(*) as n, max(total) as most from t

-- a recursive CTE | numbers, counted up | clear
with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select n from r order by n

-- a derived table | like `a derived table` | clear
select v from (select country as v from customers) group by v order by v

-- a union | like `a union` | clear
select name from products union all select region from countries order by 1 limit 20

-- what both have | like `what both have` | clear
select country from customers intersect select code from countries order by 1

-- a window | like `a window` | clear
select id, amount, lag(amount) over (order by id) as before from orders order by id limit 20

-- ranked | like `ranked` | clear
select id, rank() over (order by amount desc, id) as place from orders order by place limit 5

-- qualify | like `qualify` | clear
select id, customer_id from orders qualify row_number() over (partition by customer_id order by amount desc, id) = 1 order by id limit 20

-- a case | like `a case` | clear
select iff(amount > 100, 'big', 'small') as size, count(*) as n from orders group by 1 order by 1

-- decode | like `decode` | clear
select id, decode(status, 'open', 1, 0) as v from orders order by id limit 20

-- functions | like `a cut`, over a harmless column | clear
select upper(country), length(segment), substr(segment, 1, 2), reverse(country) from customers order by id limit 20

-- divided | like `a number divided` | clear
select id, amount / 2 as half, round(amount, 0) as rounded from orders order by id limit 20

-- a cast | like `a cast that fails` | clear
select id::varchar as v, amount::number(12, 0) as n from orders order by id limit 20

-- a list | like `a list` | clear
select region, listagg(code, ',') within group (order by code) as codes from countries group by region order by region

-- a view | a view that counts | clear
select country, n, unique_contacts from v_country_stats order by country

-- part of a view | the harmless columns of a view | clear
select id, country from v_customers order by id limit 20

-- a star | like `a star` | clear
select * from products order by sku limit 20

-- a star without the rest | like `a star without some` | clear
select * exclude (name, email, ssn, card_number, dob, phone, notes, profile) from customers order by id limit 20

-- what a receipt prints | the last four digits are public | clear
select last4, amount from payments order by id limit 20

-- a staff directory | names that are public | clear
select name, dept, hired from employees where dept = 'sales' order by id

-- the whole note | free text passes the detectors | scanned 2
select id, notes from customers order by id limit 20

-- a note under another name | free text through subquery and CTE | scanned 2
with t as (select id, notes as remark from customers) select id, remark as v from (select * from t) order by id limit 20

-- a harmless member | a member of a document that is not classified | scanned 2
select id, profile:tier::string as tier from customers order by id limit 20

-- a member of a list | an element of an array of the document | scanned 2
select id, profile:tags[0] as tag from customers order by id limit 20

-- notes counted | how many have a note | clear
select count(notes) as n from customers

-- who has a note | presence is no value | clear
select id from customers where notes is not null order by id limit 20

-- what tables there are | names of tables | clear
select table_name from information_schema.tables where table_schema = 'PUBLIC' order by table_name

-- what columns there are | names of columns, the sensitive ones too | clear
select column_name, data_type from information_schema.columns where table_name = 'CUSTOMERS' order by ordinal_position

-- nothing stored | numbers and dates of no table | clear
select 1 + 1 as two, upper('x') as x, dateadd(day, 1, '2026-01-01'::date) as d

-- who am I | names of the session | clear
select current_role(), current_database(), current_schema()

-- another schema | qualified and unqualified names | clear
use schema demo.public; select count(*) as n from orders

-- a variable | a constant kept and compared | clear
set least = 800; select count(*) as n from orders where amount > $least

-- a quoted table | a table by its quoted full name | clear
select count(*) as n from "DEMO"."PUBLIC"."ORDERS"

-- a backslash | a quote that ends nothing | clear
select '\'; drop table customers; --' as v, $$ ' $$ as w

-- a table of one's own | like `a table of guesses`, over a harmless column | clear
select v.label, c.id from (values ('DE', 'Germany'), ('FR', 'France')) v(code, label) join customers c on c.country = v.code order by c.id limit 20

-- a table of one's own, by USING | like `a table of guesses, by USING` | clear
select id, country, label from customers join (values ('DE', 'Germany'), ('FR', 'France')) v(country, label) using (country) order by id limit 20

-- a CTE of one's own | like `a CTE of guesses, outer` | clear
with v(code, label) as (select * from values ('DE', 'Germany')) select c.id, v.label from customers c left join v on v.code = c.country order by c.id limit 20

-- in a list of one's own | like `guesses in a subquery` | clear
select id from customers where country in (select v.code from (values ('DE'), ('FR')) v(code)) order by id limit 20

-- a calendar | like `guesses without end`, over a harmless number | clear
with recursive n(n) as (select 1 union all select n + 1 from n where n < 20) select n.n, o.status from n join orders o on o.id = n.n order by n.n

-- a list among stored values | like `guesses among stored values` | clear
select count(*) as n from customers c join (select code from countries union all select 'XX') v on v.code = c.country

-- equal or both null, harmless | like `equal or both null` | clear
select count(*) as n from customers c join countries k on equal_null(c.country, k.code)

-- pairs that exist | like `guesses that exist`, over harmless columns | clear
select count(*) as n from orders o where exists (select 1 from payments p where p.order_id = o.id and p.amount = o.amount)

-- a chain of keys | like `along a chain` | clear
select o.id, c.country, k.name from orders o join customers c on c.id = o.customer_id join countries k on k.code = c.country order by o.id limit 20

-- in the same class | a masked column that is in another of its class | clear
select count(*) as n from employees where ssn in (select ssn from customers)

-- a join of the same class, by USING | a harmless column of rows that share a masked one | clear
select c.country, count(*) as n from customers c join employees e using (ssn) group by c.country order by c.country

-- a harmless name | the public names of two tables | clear
select e.id, p.sku from employees e join products p on p.name = e.name order by e.id limit 20

-- a join of the same class in a chain | masked columns of one class, and public keys | clear
select o.status, count(*) as n from customers c join payments p on p.card_number = c.card_number join orders o on o.id = p.order_id group by o.status order by o.status

-- an alias in a subquery | like `an alias before a column around` | clear
select id, amount from orders o where exists (select 1 as sku from payments p where p.order_id = o.id) order by id limit 5

-- a count of rows of a subquery | like `a count of all columns` | clear
select count(*) n from (select id, status from orders) t

-- a total of stored numbers | like `a total that overflows` | clear
select status, sum(amount) s, avg(case when amount > 10 then amount else 0 end) a from orders group by status order by status

-- a list of names | like `a list that just fits` | clear
select listagg(sku, ',') within group (order by sku) as v from products

-- using, once | two public tables joined by a public name | clear
select a.country, b.status from (select id, country from customers) a join (select customer_id id, status from orders) b using (id) order by a.country, b.status limit 5

-- a star over using | public columns by their names | clear
with t as (select * from (select id, country from customers) a join (select customer_id id, status from orders) b using (id)) select country, status from t order by country, status limit 5

-- a column without a name | like `a column called by its text, around`, by a name that no expression has | clear
select id from customers c where exists (select 1 from (select upper(status), max(amount) from orders group by status) m where country = 'DE') order by id limit 5

-- a name beside a column without one | what the text names is meant | clear
select n, a from (select upper(status), id as n, amount a from orders) order by n limit 5

-- a union by name | columns that the text names | clear
select id, country from customers union all by name select customer_id as id, status as country from orders order by id, country limit 5

-- a replacement | like `an argument that is not needed`, over stored columns | clear
select coalesce(country, 'none') c, nvl(segment, upper(country)) s from customers order by id limit 5

-- a column called JSON | like `a path into a column called like a type`, over a harmless one | clear
select json[0] a, text from (select split(status, 'e') as json, status as text from orders) order by text limit 3

-- a part of an interval | a number behind FROM is no table | clear
select extract(year from $3) as y from (select id, country, signup_date from customers where id = 1)

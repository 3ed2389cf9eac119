-- Statements that look like the others and tell nothing: none tests a column that may not be seen, and every column
-- of their results may be. One statement a line.

select id, country from customers
select count(*) from customers
select country, segment, count(*) n from customers group by country, segment having count(*) > 10 order by n desc
select o.status, sum(o.amount) s from orders o group by o.status
select c.country, sum(o.amount) s from orders o join customers c on c.id = o.customer_id group by c.country order by s desc limit 10
select id from orders where created_at between '2024-01-01' and '2024-12-31'
select date_trunc('week', created_at) w, count(distinct customer_id) n from orders group by w
select dept, count(*) from employees group by dept
select e.name, m.name manager from employees e left join employees m on e.manager_id = m.id
select sku, price, rank() over (partition by category order by price desc) r from products
select category, avg(price), median(price), stddev(price) from products group by category
with t as (select customer_id, sum(amount) s from orders group by 1) select avg(s) from t
select amount, lag(amount) over (partition by customer_id order by created_at) p from orders
select count(distinct ssn) from customers
select count(*) from customers where email is not null
select iff(amount > 10, 'a', 'b'), case status when 'x' then 1 else 0 end from orders
select to_char(created_at, 'YYYY-MM') m, sum(amount) from orders group by m
select year(signup_date) y, month(signup_date) m, count(*) from customers group by y, m
select upper(status), status || '-' || sku from orders
select coalesce(status, 'none'), nvl(amount, 0) from orders
select amount::int, round(amount, 1), amount / 2 from orders
select * from countries
select p.last4, p.amount, o.status from payments p join orders o on p.order_id = o.id
select name as email, price as ssn from products
select 'ssn' as label, count(*) from customers
select id from customers where country in (select code from countries where region = 'EU')
select sum(amount) over (order by created_at rows between unbounded preceding and current row) from orders
select listagg(distinct status, ',') within group (order by status) from orders
select array_agg(sku) from products
select object_construct('sku', sku, 'price', price) from products
select sku, name, price, category, id from products join orders using (sku)
select column1, column2 from values (1, 'a'), (2, 'b')
select value from table(flatten(input => parse_json('[1,2]')))
select seq4() n from table(generator(rowcount => 10))
select current_date, current_timestamp()
select * from (values (1)) t(x)
select percentile_cont(0.9) within group (order by amount) from orders
select status, count(*) from orders group by all
select id, created_at::date d from orders order by created_at desc limit 5 offset 10
select datediff('day', signup_date, current_date) from customers
select try_to_number(sku) from products
select distinct country from customers
select country from customers union select code from countries
select regexp_replace(sku, '[0-9]+', '') from products
select split(sku, '-')[0]::string from products
select hash(sku), md5(name) from products
select id from orders sample (10)
select id from orders tablesample bernoulli (5)
select profile:prefs.theme::string t from customers
select id, notes from customers
select max(created_at), min(created_at) from orders
select count(*) from orders at (offset => -3600)
select payments.amount card_number from payments
select approx_count_distinct(email), count(email) from customers group by country
select count(distinct customer_id) from orders where ship_address is not null
select o.id, o.amount, p.amount from orders o left join payments p on p.order_id = o.id and p.amount > 5 where o.status <> 'x'
with recursive t(n) as (select 1 union all select n + 1 from t where n < 10) select n from t
select extract(year from created_at) y from orders
select last_day(created_at), dayname(created_at) from orders
select o.* exclude (ship_address) from orders o
select id, status from orders where status ilike any ('a%', 'b%')
select e.dept, count(distinct e.manager_id) m from employees e where e.hired >= '2020-01-01' group by 1
select max(id) from customers having count(*) > 1
select count(*) from customers c join employees e on c.ssn = e.ssn
select count(1), sum(1) from customers
select a.country from customers a, countries b where a.country = b.code
select * from (select id, row_number() over (partition by country order by signup_date) rn from customers) where rn = 1
select region, listagg(code, ',') from countries group by region
select least(amount, 100), greatest(amount, 0) from orders
select amount > 10 big from orders
select * from (select status, amount from orders) pivot (sum(amount) for status in ('a','b'))
select zeroifnull(amount), nullif(status, ''), decode(status, 'a', 1, 2) from orders
select convert_timezone('UTC', created_at) from orders
select time_slice(created_at, 1, 'HOUR') from orders
select id, ratio_to_report(amount) over (partition by status) from orders
select id from customers where country = 'DE' and not (segment = 'x' or signup_date < '2020-01-01')
select count(*) c, country from customers where dob is not null group by country
select dateadd('month', -1, current_date()) d
select mod(id, 10) b, count(*) from customers group by b
select array_size(split(sku, '-')) from products

-- Like what tells something
select count(*) n from customers c where exists (select 1 as ssn from products p where p.sku = 'x')
select count(t.*) n from (select ssn, email from customers) t
select count(c.*), count(distinct c.*) from customers c
select approx_count_distinct(*) from (select ssn from customers)
select id, k from (select id, country, segment from customers) unpivot (v for k in (country, segment))
select array_construct(1, 2)::array(int) v from orders
select transform([1, 2], x int -> x + 1) v from orders
select conditional_true_event(amount > 10) over (order by id) from orders
select sum(amount), avg(round(amount)) from orders
select listagg(replace(sku, '-', ''), ',') from products
select array_agg(distinct country) from customers
show tables ->> select "name", "rows" from $1 where "rows" > 100 order by "name"
show tables ->> select "name", "comment" from $1
with recursive d as (select id, manager_id, 1 lvl from employees where manager_id is null union all select e.id, e.manager_id, d.lvl + 1 from employees e join d on e.manager_id = d.id) select * from d
select transform(split(country, 'e'), x -> upper(x)) v from customers
select filter(split(segment, ','), x -> x like 'a%') v from customers

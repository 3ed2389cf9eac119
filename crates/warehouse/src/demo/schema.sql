-- The demo database DEMO.PUBLIC. Which columns are sensitive is the policy's to say, not this file's.
create table customers (
  id number, name varchar, email varchar, ssn varchar, card_number varchar, dob date, phone varchar,
  country varchar, notes varchar, profile variant, signup_date date, segment varchar
);
create table orders (
  id number, customer_id number, amount number(12,2), status varchar, created_at timestamp_ntz,
  ship_address varchar, sku varchar
);
create table payments (
  id number, order_id number, card_number varchar, iban varchar, amount number(12,2), last4 varchar,
  paid_at timestamp_ntz
);
create table employees (
  id number, name varchar, email varchar, ssn varchar, salary number, manager_id number, dept varchar, hired date
);
create table products (sku varchar, name varchar, price number(10,2), category varchar);
create table countries (code varchar, name varchar, region varchar);
create view v_customers as
  select id, name as full_name, email as contact, ssn as tax_ref, country from customers;
create view v_country_stats as
  select country, count(*) as n, count(distinct email) as unique_contacts from customers group by country;

-- Snowgate in a Snowflake account: who it is there, what it may do, and what of it is watched.
--
-- Run it once, with the Snowflake CLI and a role that may do all of this, once the gateway is deployed (its outputs say what to fill in):
--
--   snow sql --role ACCOUNTADMIN --filename infra/snowflake/setup.sql \
--     -D aws_issuer=https://ID.tokens.sts.global.api.aws -D query_role=arn:aws:iam::ACCOUNT:role/NAME -D work_role=arn:aws:iam::ACCOUNT:role/NAME \
--     -D database=SALES
--
-- Running it again changes nothing but what was filled in. From where it may come is network.sql, for a gateway with addresses of its own.

-- 1. Where everything of Snowgate's lies, so that one look shows it, and one grant gives it to somebody.

-- A database that holds no data of yours: policies and what is watched.
CREATE DATABASE IF NOT EXISTS SNOWGATE COMMENT = 'Policies of the access gateway Snowgate, and what is watched of it';

-- Policies are objects of a schema. Its owner alone grants in it.
CREATE SCHEMA IF NOT EXISTS SNOWGATE.SECURITY WITH MANAGED ACCESS;

-- 2. What it may do: a role to read, one to write. No statement runs under another, whatever it says (`upstream.tiers` of the gateway).

-- Reads what agents may see.
CREATE ROLE IF NOT EXISTS SNOWGATE_READER COMMENT = 'Statements that Snowgate lets agents run';

-- Writes what a person has approved.
CREATE ROLE IF NOT EXISTS SNOWGATE_WRITER COMMENT = 'Writes that a person has approved in Snowgate';

-- Both stand below SYSADMIN, so that what they make is not lost.
GRANT ROLE SNOWGATE_READER TO ROLE SYSADMIN;
GRANT ROLE SNOWGATE_WRITER TO ROLE SYSADMIN;

-- A warehouse of its own: what agents cost is seen, and ends there.
CREATE WAREHOUSE IF NOT EXISTS SNOWGATE_WH WAREHOUSE_SIZE = XSMALL AUTO_SUSPEND = 60 AUTO_RESUME = TRUE INITIALLY_SUSPENDED = TRUE
  STATEMENT_TIMEOUT_IN_SECONDS = 900 STATEMENT_QUEUED_TIMEOUT_IN_SECONDS = 120;

-- To use it is enough; nobody resizes it through the gateway.
GRANT USAGE ON WAREHOUSE SNOWGATE_WH TO ROLE SNOWGATE_READER;
GRANT USAGE ON WAREHOUSE SNOWGATE_WH TO ROLE SNOWGATE_WRITER;

-- Agents read one database here. Repeat these grants for each; what has no grant does not exist for the gateway.
GRANT USAGE ON DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT USAGE ON ALL SCHEMAS IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT SELECT ON ALL TABLES IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT SELECT ON ALL VIEWS IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
-- What is made later is seen, too, and what is made in a schema that is made later: else it would be unknown, and every statement about it
-- refused. Future grants of a schema go before these, where somebody has made some.
GRANT USAGE ON FUTURE SCHEMAS IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT SELECT ON FUTURE TABLES IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT SELECT ON FUTURE VIEWS IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
-- Neither are these tables or views to Snowflake: each kind has grants of its own.
GRANT SELECT ON ALL DYNAMIC TABLES IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT SELECT ON FUTURE DYNAMIC TABLES IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT SELECT ON ALL EXTERNAL TABLES IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT SELECT ON FUTURE EXTERNAL TABLES IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT SELECT ON ALL ICEBERG TABLES IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT SELECT ON FUTURE ICEBERG TABLES IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT SELECT ON ALL MATERIALIZED VIEWS IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;
GRANT SELECT ON FUTURE MATERIALIZED VIEWS IN DATABASE IDENTIFIER('<% database %>') TO ROLE SNOWGATE_READER;

-- Tags of columns are read from here where the gateway's `upstream.catalog.tags` is true. It shows the tags of all objects, and no data.
GRANT DATABASE ROLE SNOWFLAKE.GOVERNANCE_VIEWER TO ROLE SNOWGATE_READER;

-- The writer reads what it changes. Which tables it may change is a grant of yours, table by table:
--   GRANT INSERT, UPDATE, DELETE ON TABLE SALES.PUBLIC.ORDERS TO ROLE SNOWGATE_WRITER;
GRANT ROLE SNOWGATE_READER TO ROLE SNOWGATE_WRITER;

-- 3. Who it is: a service user for each function that comes here, known by its role in AWS. There is no password and no key that could leak.

-- The function behind the doors. Its identity is the token that AWS signs for its role, and nothing else that anybody could have. Without a
-- default secondary role nothing but the role that a statement names counts.
CREATE USER IF NOT EXISTS SNOWGATE_QUERY TYPE = SERVICE DEFAULT_ROLE = SNOWGATE_READER DEFAULT_SECONDARY_ROLES = ()
  WORKLOAD_IDENTITY = (TYPE = OIDC ISSUER = '<% aws_issuer %>' SUBJECT = '<% query_role %>' OIDC_AUDIENCE_LIST = ('snowflakecomputing.com'))
  COMMENT = 'Snowgate, reading';

-- The function that carries on and runs what was approved. No URL leads to it.
CREATE USER IF NOT EXISTS SNOWGATE_WORK TYPE = SERVICE DEFAULT_ROLE = SNOWGATE_READER DEFAULT_SECONDARY_ROLES = ()
  WORKLOAD_IDENTITY = (TYPE = OIDC ISSUER = '<% aws_issuer %>' SUBJECT = '<% work_role %>' OIDC_AUDIENCE_LIST = ('snowflakecomputing.com'))
  COMMENT = 'Snowgate, carrying on and writing';

-- A deployment that was made anew has new roles: these two say them again, and change nothing where they are the same.
ALTER USER SNOWGATE_QUERY SET
  WORKLOAD_IDENTITY = (TYPE = OIDC ISSUER = '<% aws_issuer %>' SUBJECT = '<% query_role %>' OIDC_AUDIENCE_LIST = ('snowflakecomputing.com'));
ALTER USER SNOWGATE_WORK SET
  WORKLOAD_IDENTITY = (TYPE = OIDC ISSUER = '<% aws_issuer %>' SUBJECT = '<% work_role %>' OIDC_AUDIENCE_LIST = ('snowflakecomputing.com'));

-- The doors read, whoever knocks. Only what was approved may write.
GRANT ROLE SNOWGATE_READER TO USER SNOWGATE_QUERY;
GRANT ROLE SNOWGATE_READER TO USER SNOWGATE_WORK;
GRANT ROLE SNOWGATE_WRITER TO USER SNOWGATE_WORK;

-- Neither signs in by anything else, even if somebody gave it a password, a key or a token one day, and only your AWS account vouches.
CREATE AUTHENTICATION POLICY IF NOT EXISTS SNOWGATE.SECURITY.BY_WORKLOAD_IDENTITY AUTHENTICATION_METHODS = ('WORKLOAD_IDENTITY')
  WORKLOAD_IDENTITY_POLICY = (ALLOWED_PROVIDERS = (OIDC) ALLOWED_OIDC_ISSUERS = ('<% aws_issuer %>'));
-- One that was there before had another issuer, perhaps.
ALTER AUTHENTICATION POLICY SNOWGATE.SECURITY.BY_WORKLOAD_IDENTITY SET
  WORKLOAD_IDENTITY_POLICY = (ALLOWED_PROVIDERS = (OIDC) ALLOWED_OIDC_ISSUERS = ('<% aws_issuer %>'));
-- By force: without it, whoever has a policy already, as each does when this runs again, is given no other.
ALTER USER SNOWGATE_QUERY SET AUTHENTICATION POLICY SNOWGATE.SECURITY.BY_WORKLOAD_IDENTITY FORCE;
ALTER USER SNOWGATE_WORK SET AUTHENTICATION POLICY SNOWGATE.SECURITY.BY_WORKLOAD_IDENTITY FORCE;

-- 4. What is watched: every statement of the gateway's carries its session and number, so that a record and Snowflake's history find each other.

-- What ran as one of its users and names no record of it. Nothing should stand here: it would be somebody who has its identity.
CREATE OR REPLACE VIEW SNOWGATE.SECURITY.UNRECORDED COPY GRANTS COMMENT = 'Statements of Snowgate''s users that no record of it tells of' AS
  SELECT START_TIME, USER_NAME, QUERY_ID, QUERY_TYPE, ROLE_NAME, WAREHOUSE_NAME, QUERY_TAG
  FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY
  WHERE USER_NAME IN ('SNOWGATE_QUERY', 'SNOWGATE_WORK')
    -- Without a tag it is NULL, which is like nothing and unlike nothing.
    AND COALESCE(QUERY_TAG, '') NOT LIKE '{"snowgate":"%"}' AND COALESCE(QUERY_TAG, '') <> 'snowgate:catalog';

-- What was asked of this database past the gateway, by whom: in it, or naming it from another. A view elsewhere that reads it, or a name that a
-- text puts together, is not seen so; ACCOUNT_USAGE.ACCESS_HISTORY tells objects themselves, from the Enterprise edition on. Decide who may still do
-- that; agents should not be among them.
CREATE OR REPLACE VIEW SNOWGATE.SECURITY.PAST_THE_GATEWAY COPY GRANTS COMMENT = 'Who asks past Snowgate' AS
  SELECT USER_NAME, COUNT(*) AS STATEMENTS, MAX(START_TIME) AS LAST_TIME
  FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY
  WHERE (DATABASE_NAME = UPPER('<% database %>')
      OR CONTAINS(UPPER(QUERY_TEXT), UPPER('<% database %>') || '.') OR CONTAINS(UPPER(QUERY_TEXT), UPPER('<% database %>') || '".'))
    AND USER_NAME NOT IN ('SNOWGATE_QUERY', 'SNOWGATE_WORK')
    AND START_TIME > DATEADD('day', -1, CURRENT_TIMESTAMP())
  GROUP BY USER_NAME;

-- Where the alert below writes.
CREATE TABLE IF NOT EXISTS SNOWGATE.SECURITY.FOUND (AT TIMESTAMP_LTZ, QUERY_ID VARCHAR, USER_NAME VARCHAR);

-- Looks every hour; the history it reads is filled up to 45 minutes late, so it looks back two hours and keeps each once. Without a warehouse it runs
-- on Snowflake's own computers and pays for its seconds; SNOWGATE_WH would be woken for it 24 times a day, and run a minute longer each time. One that
-- was made with a warehouse keeps it until you say ALTER ALERT SNOWGATE.SECURITY.LOOKS_FOR_UNRECORDED UNSET WAREHOUSE.
CREATE ALERT IF NOT EXISTS SNOWGATE.SECURITY.LOOKS_FOR_UNRECORDED SCHEDULE = '60 MINUTE'
  IF (EXISTS (
    SELECT QUERY_ID FROM SNOWGATE.SECURITY.UNRECORDED WHERE START_TIME > DATEADD('hour', -2, CURRENT_TIMESTAMP())
      AND QUERY_ID NOT IN (SELECT QUERY_ID FROM SNOWGATE.SECURITY.FOUND)))
  THEN
    INSERT INTO SNOWGATE.SECURITY.FOUND SELECT CURRENT_TIMESTAMP(), QUERY_ID, USER_NAME FROM SNOWGATE.SECURITY.UNRECORDED
      WHERE START_TIME > DATEADD('hour', -2, CURRENT_TIMESTAMP()) AND QUERY_ID NOT IN (SELECT QUERY_ID FROM SNOWGATE.SECURITY.FOUND);

-- An alert is made asleep.
ALTER ALERT SNOWGATE.SECURITY.LOOKS_FOR_UNRECORDED RESUME;

-- Credits of a month after which the warehouse takes no new statement; the first trigger only tells the account's administrators.
CREATE RESOURCE MONITOR IF NOT EXISTS SNOWGATE_CREDITS WITH CREDIT_QUOTA = 100 FREQUENCY = MONTHLY START_TIMESTAMP = IMMEDIATELY
  TRIGGERS ON 80 PERCENT DO NOTIFY ON 100 PERCENT DO SUSPEND;
ALTER WAREHOUSE SNOWGATE_WH SET RESOURCE_MONITOR = SNOWGATE_CREDITS;

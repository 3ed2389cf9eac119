-- From where Snowgate may come. Only where its functions run in a VPC with addresses of their own (infra/README.md, "VPC"): without one
-- they have AWS's, which are everybody's, and this locks the gateway out.
--
-- Run it after setup.sql, with the addresses of the VPC's NAT gateways:
--
--   snow sql --role ACCOUNTADMIN --filename infra/snowflake/network.sql -D gateway_addresses="203.0.113.7/32','203.0.113.8/32"
--
-- Each is a text of its own, so between two of them stand a quote, a comma and a quote; before the first and behind the last the file has its own.
--
-- To take it back: ALTER USER SNOWGATE_QUERY UNSET NETWORK_POLICY, and the same for SNOWGATE_WORK.

-- The addresses of the VPC's NAT gateways.
CREATE NETWORK RULE IF NOT EXISTS SNOWGATE.SECURITY.FROM_THE_GATEWAY TYPE = IPV4 MODE = INGRESS VALUE_LIST = ('<% gateway_addresses %>');
-- One that was there before had other addresses, perhaps.
ALTER NETWORK RULE SNOWGATE.SECURITY.FROM_THE_GATEWAY SET VALUE_LIST = ('<% gateway_addresses %>');

-- Nothing else is let in under these users.
CREATE NETWORK POLICY IF NOT EXISTS SNOWGATE_ALONE ALLOWED_NETWORK_RULE_LIST = ('SNOWGATE.SECURITY.FROM_THE_GATEWAY');
ALTER USER SNOWGATE_QUERY SET NETWORK_POLICY = SNOWGATE_ALONE;
ALTER USER SNOWGATE_WORK SET NETWORK_POLICY = SNOWGATE_ALONE;

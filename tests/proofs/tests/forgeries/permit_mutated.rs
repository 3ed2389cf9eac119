fn widen(mut permit: gateway::Permit) -> gateway::Permit {
    permit.tier = domain::Tier::Define;
    permit.text = domain::SqlText::new("drop table customers");
    permit
}

fn forge(mut principal: gateway::Principal, identity: domain::Identity) -> gateway::Principal {
    principal.identity = identity;
    principal
}

fn through_the_value(principal: gateway::Principal) -> gateway::Principal {
    principal.identity().groups.insert("data-reviewers".to_owned());
    principal
}

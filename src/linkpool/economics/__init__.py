"""Does the maker fee pay for the fleet: costs, accounts, break-even points, a model of months. All pure."""

"""Money: gas for those who need it under limits, income brought in, costs told."""

"""Balance: weights under which the rows' covariates look like another sample's."""

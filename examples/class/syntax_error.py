# like: perfect
# One cell is not Python: TODO 6.

# %% solution_todo6
def train_lora_only(model):
    for name, parameter in model.named_parameters()
        parameter.requires_grad = "lora" in name

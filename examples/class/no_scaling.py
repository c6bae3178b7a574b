# like: perfect
# alpha / r is forgotten: TODO 3 is wrong, and nothing else may suffer for it.

# %% solution_todo2_3
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter(torch.ones(r, in_features))
    layer.lora_B = nn.Parameter(torch.ones(out_features, r))

    def hook(module, input, output):
        return output + F.linear(F.linear(input[0], layer.lora_A), layer.lora_B)

    return hook
